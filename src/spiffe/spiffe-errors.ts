import { type CodedError, errorFactory } from '../foundation/errors.ts';

export const spiffeErrors = {
  SPIFFE_SOCKET_MISSING:
    'Set identity.spiffe.socket to the socket of the SPIFFE agent, such as unix:///run/spire/agent.sock, or SPIFFE_ENDPOINT_SOCKET in the environment of the daemon.',
  SPIFFE_AGENT_UNREACHABLE:
    'Start the agent, or correct identity.spiffe.socket: `spire-agent healthcheck -socketPath PATH` checks it. A unit with PrivateTmp=yes sees no socket in /tmp. The daemon tries again automatically.',
  SPIFFE_AGENT_LATE:
    'Check the log of the agent: it keeps the connection open and does not answer. Restart the agent if it hangs. The daemon tries again automatically.',
  SPIFFE_AGENT_ENDED:
    'Check the log of the agent, if this lasts: it ended the stream. The daemon tries again automatically.',
  SPIFFE_NO_IDENTITY:
    'Register an entry whose selectors match the daemon, such as unix:user:imds-anywhere: `spire-server entry show` lists entries. An agent that has just started may need some seconds. The daemon tries again automatically.',
  SPIFFE_CALL_FAILED: 'Read the log of the agent at the same time. The daemon tries again automatically.',
  SPIFFE_CALL_REFUSED:
    'Check that the socket is the one of the Workload API, and not another socket of the agent. Then reload the daemon, which does not try again by itself.',
  SPIFFE_ANSWER_UNREADABLE:
    'Check that the socket is the one of the Workload API of a SPIFFE agent. The daemon tries again automatically.',
  SPIFFE_SVID_NOT_FOUND:
    'Set identity.spiffe.id or identity.spiffe.hint to one of those named, or register an entry with it for the daemon.',
  SPIFFE_SEVERAL_SVIDS: 'Set identity.spiffe.id, or identity.spiffe.hint, to choose one. The first is used until then.',
  SPIFFE_SVID_EXPIRED:
    'Check why the agent does not renew it: its connection to the server, the log of both, and the clocks. Agents hand out expired SVIDs while the server is down. A new one is used as soon as the agent has it.',
  SPIFFE_OWN_KEYS: 'Name another key with --private-key: a certificate from SPIFFE needs no request.',
  SPIFFE_ROOT_SHORT_LIVED:
    'Give SPIRE an UpstreamAuthority with a root that lasts for years, and make that root the trust anchor: docs/spiffe.md. A trust anchor with this root stops working when SPIRE replaces it.',
} as const;

export const spiffeError = errorFactory(spiffeErrors);

/** Whether the same call may succeed later. */
export function isWorthRetrying({ code }: CodedError): boolean {
  return code !== 'SPIFFE_CALL_REFUSED' && code !== 'SPIFFE_SOCKET_MISSING';
}
