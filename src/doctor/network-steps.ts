// The way to the service, without a call that needs the identity.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { RoleConfig, RolesAnywhereConfig } from '../config/config.ts';
import { plainHost } from '../foundation/address.ts';
import type { ConfigFinding } from '../foundation/config-finding.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { parseArn } from '../rolesanywhere/arn.ts';
import { checkWay } from '../rolesanywhere/checked-way.ts';
import { clockError, parseHttpDate } from '../rolesanywhere/clock-offset.ts';
import { withDeadline } from '../rolesanywhere/deadline.ts';
import { endpointOf, sessionsUrl } from '../rolesanywhere/endpoint.ts';
import { httpsTransport } from '../rolesanywhere/https-transport.ts';
import { networkError } from '../rolesanywhere/network-error.ts';
import { proxyFor } from '../rolesanywhere/proxy-settings.ts';
import { checkedTrustAnchor } from '../rolesanywhere/role-target.ts';
import { rolesAnywhereError } from '../rolesanywhere/rolesanywhere-errors.ts';
import { shownCertificate } from '../rolesanywhere/shown-certificate.ts';
import { stsUrl } from '../sts/endpoint.ts';
import { asFinding, type Found, type Known, merged, placed, type Request, type Step } from './step.ts';

export const WAY: Step = { name: 'way', title: 'proxy and CA bundle', area: 'network', check: checkWays };
export const NAME: Step = { name: 'name', title: 'name resolution', area: 'network', check: checkNames };
export const CONNECTION: Step = {
  ...{ name: 'connection', title: 'connection and TLS', area: 'network' },
  check: checkConnections,
};
export const CLOCK: Step = { name: 'clock', title: 'clock', area: 'network', check: checkClock };

/** Each endpoint of the service once. */
function targets({ config: { rolesAnywhere }, roles }: Known): readonly URL[] {
  const urls = roles.flatMap((role) => [
    new URL(sessionsUrl(endpointOf(rolesAnywhere, role), checkedTrustAnchor(role)).origin),
    ...secondTargets(role),
  ]);
  return [...new Map(urls.map((url) => [url.href, url])).values()];
}

function secondTargets({ assume }: RoleConfig): URL[] {
  if (!assume) return [];
  const { partition } = parseArn(assume.roleArn, 'role');
  return [new URL(stsUrl({ ...assume.sts, partition }).origin)];
}

/** Variables count as well: the calls of the next steps use them. */
async function checkWays(known: Known, { environment }: Request): Promise<Found> {
  const { rolesAnywhere } = known.config;
  const found = await Promise.all(targets(known).map((target) => checkWay(rolesAnywhere, target, environment)));
  const findings = found.flat().map((finding): ConfigFinding => ({ ...finding, severity: 'error' }));
  const once = new Map(findings.map((finding) => [finding.error.message, placed(finding, known.file)]));
  if (once.size > 0) return { findings: [...once.values()] };
  return { seen: targets(known).map((target) => `${target.origin} ${wayText(target, rolesAnywhere, environment)}`) };
}

function wayText(target: URL, { caBundle }: RolesAnywhereConfig, environment: Request['environment']): string {
  const proxy = proxyFor(target, environment);
  const cas = caBundle ?? environment['SSL_CERT_FILE'] ?? environment['SSL_CERT_DIR'];
  return [
    proxy ? `through the proxy ${proxy.url.origin}` : 'without a proxy',
    ...(target.protocol === 'http:' ? [] : [cas === undefined ? "with Node's CAs" : `with the CAs of ${cas}`]),
  ].join(', ');
}

const LOOKUP_MS = 5_000;

/** Of the proxy, where there is one: it looks up the service itself. */
async function checkNames(known: Known, { environment }: Request): Promise<Found> {
  const found = await Promise.all(
    targets(known).map(async (target): Promise<Found> => {
      const proxy = proxyFor(target, environment)?.url;
      const host = plainHost((proxy ?? target).hostname);
      if (isIP(host) !== 0) return { seen: [`${host} is an address`] };
      try {
        const addresses = await resolved(host);
        return { seen: [`${host} is ${addresses.join(', ')}`] };
      } catch (error) {
        return { findings: [asFinding(networkError(error, { origin: target.origin, proxy: proxy?.origin }))] };
      }
    }),
  );
  return merged(found);
}

async function resolved(host: string): Promise<readonly string[]> {
  const late = (ms: number): CodedError =>
    rolesAnywhereError('RA_NAME_UNRESOLVED', `${host} was not resolved within ${ms / 1000} seconds`);
  const { signal } = new AbortController();
  const found = await withDeadline({ ms: LOOKUP_MS, signal, late }, () => lookup(host, { all: true }));
  return [...new Set(found.map(({ address }) => address))];
}

/** One unsigned request to each endpoint. Any answer shows that the way is open. */
async function checkConnections(known: Known, request: Request): Promise<Found> {
  const { environment, userAgent } = request;
  const { caBundle } = known.config.rolesAnywhere;
  const options = { environment, userAgent, caBundle };
  const send = httpsTransport(options);
  const dates = new Map<string, string | undefined>();
  const found = await Promise.all(
    targets(known).map(async (target): Promise<Found> => {
      const certificate = target.protocol === 'https:' ? await certificateLine(target, options) : [];
      try {
        const { signal } = new AbortController();
        const { headers } = await send({ url: target.href, method: 'GET', headers: {}, body: '' }, signal);
        dates.set(target.origin, headers['date']);
        return { seen: [`${target.origin} answers`, ...certificate] };
      } catch (error) {
        return { seen: certificate, findings: [asFinding(asCodedError(error))] };
      }
    }),
  );
  return { ...merged(found), learned: { dates } };
}

/** A proxy that inspects TLS shows another certificate than the service. */
async function certificateLine(target: URL, options: Parameters<typeof shownCertificate>[1]): Promise<string[]> {
  try {
    const { subject, issuer, validTo } = await shownCertificate(target, options);
    return [`${target.host} shows the certificate of ${subject}, issued by ${issuer}, valid until ${validTo}`];
  } catch {
    // The request finds the same, with its code.
    return [];
  }
}

function checkClock({ dates }: Known, { clock }: Request): Promise<Found> {
  return Promise.resolve(judgedClock([...(dates ?? [])], clock.now()));
}

/** Pure. @param dates - the Date header by origin. */
export function judgedClock(dates: readonly (readonly [string, string | undefined])[], now: number): Found {
  const found = dates.map(([origin, date]): Found => {
    const theirs = parseHttpDate(date);
    if (date === undefined || theirs === undefined) return { unchecked: [`${origin} sends no date`] };
    const off = clockError({ headers: { date } }, now, `it answered at ${date}`);
    if (off) return { findings: [asFinding(off)] };
    return { seen: [`${Math.round(Math.abs(now - theirs) / 1000)} s from that of ${origin}`] };
  });
  const all = merged(found);
  const isRight = found.length > 0 && found.every(({ seen = [] }) => seen.length > 0);
  return { ...all, learned: { facts: isRight ? ['clock'] : [] } };
}
