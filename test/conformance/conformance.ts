import { placeOf, type Client } from './client.ts';
import { CLIENTS } from './clients.ts';
import { playMatrix } from './matrix.ts';
import { complaints, table, writePage } from './page.ts';
import { TimeLapse } from './time-lapse.ts';

// Real, unmodified clients against the program as it is shipped: `npm run build && npm run conformance [-- NAME...]`, after
// test/conformance/install.sh. The proof is at the emulator's STS and S3, which answer only to what was signed with an issued session.

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

const wanted = CLIENTS.filter(({ directory }) => asked.length === 0 || asked.includes(directory));
const found = wanted.map(find).filter((one) => one !== undefined);
const versions = new Map(found.map(({ client, version }) => [client, version]));
const matrix = await playMatrix([...versions.keys()]);
const wrong = complaints(matrix);
say(table(matrix, versions));
for (const complaint of wrong) say(complaint);
const isWhole = found.length === CLIENTS.length && TimeLapse.isPossible();
if (isWhole && !process.env['CI']) await writePage(matrix, versions);
const hasGap = found.length < wanted.length && process.env['CI'] !== undefined;
say(`${found.length} clients, ${wrong.length} failures`);
process.exitCode = wrong.length > 0 || hasGap ? 1 : 0;
