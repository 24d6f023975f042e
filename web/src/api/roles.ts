// Who may do what. The server decides; the screens only say it beforehand.

import { useMe } from "./queries";
import type { Role } from "./types";

const RANKS: Role[] = ["viewer", "publisher", "operator", "admin"];

/** Why somebody with the role `has` may not do what `needs` another; undefined when they may. Pure. */
export function refusalFor(has: Role, needs: Role): string | undefined {
  return RANKS.indexOf(has) >= RANKS.indexOf(needs) ? undefined : `this needs the role ${needs}, and yours is ${has}`;
}

export function useRefusal(needs: Role): string | undefined {
  const me = useMe();
  return me.data ? refusalFor(me.data.user.role, needs) : undefined;
}
