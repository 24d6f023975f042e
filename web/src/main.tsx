import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "preact";
import { App } from "./app";
import { queryClient } from "./api/query-client";
import "./styles/tokens.css";
import "./styles/base.css";
import "./ui/theme";

render(
  <QueryClientProvider client={queryClient}>
    <App />
  </QueryClientProvider>,
  document.getElementById("app")!,
);
