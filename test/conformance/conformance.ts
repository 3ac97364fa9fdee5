import { type Client, placeOf } from './client.ts';
import { CLIENTS } from './clients.ts';
import { type Matrix, playMatrix } from './matrix.ts';
import { complaints, table, writePage } from './page.ts';
import { TimeLapse } from './time-lapse.ts';

// Real, unmodified clients with the real program: `npm run build && npm run conformance [--
// NAME...]`, after test/conformance/install.sh. The emulator's STS and S3 prove it: they accept
// only requests signed with an issued session.

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const asked = process.argv.slice(2);

interface Found {
  readonly client: Client;
  readonly version: string;
}

function find(client: Client): Found | undefined {
  try {
    return { client, version: client.version(placeOf(client)) };
  } catch (error) {
    say(`left out: ${client.name}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    return undefined;
  }
}

/** Some clients give up on a busy machine. The result says which ones needed a second try. */
async function withSecondTry({ rows, titles }: Matrix): Promise<Matrix> {
  const wrong = complaints({ rows, titles });
  if (wrong.length === 0) return { rows, titles };
  for (const { text } of wrong) say(`once more: ${text}`);
  const again = await playMatrix([...new Set(wrong.map(({ client }) => client))]);
  return { rows: new Map([...rows, ...again.rows]), titles };
}

const wanted = CLIENTS.filter(({ directory }) => asked.length === 0 || asked.includes(directory));
const found = wanted.map(find).filter((one) => one !== undefined);
const versions = new Map(found.map(({ client, version }) => [client, version]));
const first = await playMatrix([...versions.keys()]);
const matrix = process.env['CI'] ? await withSecondTry(first) : first;
const wrong = complaints(matrix);
say(table(matrix, versions));
for (const { text } of wrong) say(text);
const isWhole = found.length === CLIENTS.length && TimeLapse.isPossible();
if (isWhole && !process.env['CI']) await writePage(matrix, versions);
const hasGap = found.length < wanted.length && process.env['CI'] !== undefined;
say(`${found.length} clients, ${wrong.length} failures`);
process.exitCode = wrong.length > 0 || hasGap ? 1 : 0;
