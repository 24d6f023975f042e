// Which screen is shown, and whether there is a session to show it for.

import { lazy, Suspense } from "preact/compat";
import { Route, Switch } from "wouter-preact";
import { useMe } from "./api/access";
import { ApiError, setCsrfToken } from "./api/client";
import { Frame } from "./frame";
import { Devices } from "./screens/devices";
import { Models } from "./screens/models";
import { Overview } from "./screens/overview";
import { Rollout } from "./screens/rollout";
import { Rollouts } from "./screens/rollouts";
import { LinkEntry, SignIn } from "./screens/sign-in";
import { Empty, Failure, Skeleton } from "./ui/card";

const Alert = lazy(() => import("./screens/alert"));
const Alerts = lazy(() => import("./screens/alerts"));
const Connectivity = lazy(() => import("./screens/connectivity"));
const Device = lazy(() => import("./screens/device"));
const Explore = lazy(() => import("./screens/explore"));
const Notifications = lazy(() => import("./screens/notifications"));
const Rules = lazy(() => import("./screens/rules"));
const Settings = lazy(() => import("./screens/settings"));

export function App() {
  return (
    <Switch>
      <Route path="/login" component={LinkEntry} />
      <Route component={SignedIn} />
    </Switch>
  );
}

function SignedIn() {
  const me = useMe();
  if (me.isPending) return <Skeleton lines={1} />;
  if (me.error instanceof ApiError && me.error.status === 401) return <SignIn />;
  if (me.error) return <Failure error={me.error} retry={() => void me.refetch()} />;
  setCsrfToken(me.data.csrf);
  return (
    <Frame me={me.data}>
      <Suspense fallback={<Skeleton lines={8} />}>
        <Switch>
          <Route path="/" component={Overview} />
          <Route path="/devices" component={Devices} />
          <Route path="/devices/:id">{(params) => <Device id={decodeURIComponent(params.id)} />}</Route>
          <Route path="/rollouts" component={Rollouts} />
          <Route path="/rollouts/:id">{(params) => <Rollout id={params.id} />}</Route>
          <Route path="/models">
            <Models />
          </Route>
          <Route path="/models/:model">{(params) => <Models name={decodeURIComponent(params.model)} />}</Route>
          <Route path="/alerts">
            <Alerts />
          </Route>
          <Route path="/alerts/:id">{(params) => <Alert id={params.id} />}</Route>
          <Route path="/rules">
            <Rules />
          </Route>
          <Route path="/connectivity">
            <Connectivity />
          </Route>
          <Route path="/explore">
            <Explore />
          </Route>
          <Route path="/settings/notifications">
            <Notifications />
          </Route>
          <Route path="/settings">
            <Settings />
          </Route>
          <Route>
            <Empty>There is nothing at this address.</Empty>
          </Route>
        </Switch>
      </Suspense>
    </Frame>
  );
}
