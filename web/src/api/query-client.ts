// What is known of the server, until it is asked again. Keys match what the live stream invalidates (live.ts).

import { QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "./client";
import { markFresh } from "./freshness";

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onSuccess: () => markFresh(),
    // A session that has ended shows the way in, from whatever screen notices it first.
    onError: (error, failed) => {
      if (error instanceof ApiError && error.status === 401 && failed.queryKey[0] !== "me") void queryClient.resetQueries({ queryKey: ["me"] });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 1000,
      retry: (count, error) => count < 3 && !(error instanceof ApiError && error.status < 500),
      refetchOnWindowFocus: true,
    },
  },
});
