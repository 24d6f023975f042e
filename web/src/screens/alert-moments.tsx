// What became of alerts: of one, or of all, which are then named.

import { Link } from "wouter-preact";
import type { AlertMoment } from "../api/alerts";
import { clock, person, words } from "../ui/format";
import { Status } from "../ui/status";
import { changeText, changeTone, subjectName } from "./alert-text";

export function AlertMoments({ moments, named = false }: { moments: AlertMoment[]; named?: boolean }) {
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>When</th>
            {named && <th>Alert</th>}
            {named && <th>About</th>}
            <th>What happened</th>
            <th>By</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {moments.map((moment) => (
            <tr key={moment.id}>
              <td class="nowrap">{clock(moment.at)}</td>
              {named && (
                <td class="nowrap">
                  <Link href={`/alerts/${moment.alert}`}>{words(moment.rule)}</Link>
                </td>
              )}
              {named && <td class="nowrap">{subjectName(moment)}</td>}
              <td class="nowrap">
                <Status tone={changeTone(moment.change)} text={changeText(moment.change)} />
              </td>
              <td class="nowrap">{moment.actor === null ? "–" : person(moment.actor)}</td>
              <td class="wide-text">{moment.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
