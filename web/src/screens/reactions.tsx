// What rules did for alerts: of one rule, or to one alert.

import { Link } from "wouter-preact";
import { useReactions, type Reaction } from "../api/rules";
import { Failure, Skeleton } from "../ui/card";
import { ago, clock, words } from "../ui/format";
import { Status, type Tone } from "../ui/status";

const TONES: Record<Reaction["state"], Tone> = { waiting: "accent", done: "good", left: "quiet", failed: "bad" };

export function ReactionsDone({ of }: { of: { rule: string } | { alert: number } }) {
  const reactions = useReactions(of);
  if (reactions.isPending) return <Skeleton lines={2} />;
  if (reactions.error) return <Failure error={reactions.error} retry={() => void reactions.refetch()} />;
  if (reactions.data.items.length === 0) return <p class="muted small">Nothing yet.</p>;
  return (
    <ul class="plain stack">
      {reactions.data.items.map((reaction) => (
        <li key={reaction.id}>
          <Status tone={TONES[reaction.state]} text={`${words(reaction.do)}: ${words(reaction.state)}`} /> {reaction.outcome || "waits to be done"}
          {reaction.follow_up && <span> - by now: {words(reaction.follow_up)}</span>}{" "}
          <span class="muted small" title={clock(reaction.ended_at ?? reaction.created_at)}>
            {ago(reaction.ended_at ?? reaction.created_at)}, rule:{reaction.rule} v{reaction.rule_version}
            {"rule" in of && (
              <>
                {", for "}
                <Link href={`/alerts/${reaction.alert}`}>alert {reaction.alert}</Link>
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
