// Fails when a page opened directly asks for more script than its budget, in kilobytes (1,000 bytes) after gzip.
// It counts what must be there before the page shows: the entry, what stands round the page, the page, and all they import.
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const budget = 170;

/** Pages that are still over it: each has the ceiling it must not pass, until it is under the budget. */
const ceilings = {
  'auth/RegisterPage': 177,
  'auth/InvitationPage': 178,
  'family/FamilyPage': 174,
  'forms/FormPage': 202,
  'security/ClosePage': 179,
  'security/EmailPage': 178,
  'security/PasswordPage': 176,
  'security/RecoveryCodesPage': 181,
  'security/SecurityPage': 190,
  'security/SetUpPage': 184,
};

const { output } = await build({ logLevel: 'error', build: { write: false } });
const chunks = new Map(output.filter((file) => file.type === 'chunk').map((chunk) => [chunk.fileName, chunk]));
const sourceOf = (chunk) => chunk.facadeModuleId?.split('/src/')[1] ?? '';
const holding = (source) => [...chunks.values()].find((chunk) => sourceOf(chunk) === source || chunk.moduleIds.some((id) => id.endsWith(`/src/${source}`)));

const withImports = (chunk, seen = new Set()) => {
  if (!chunk || seen.has(chunk)) return seen;
  seen.add(chunk);
  for (const name of chunk.imports) withImports(chunks.get(name), seen);
  return seen;
};
const sizes = new Map();
const sizeOf = (chunk) => {
  if (!sizes.has(chunk)) sizes.set(chunk, gzipSync(chunk.code).length);
  return sizes.get(chunk);
};

const entry = [...chunks.values()].find((chunk) => chunk.isEntry);
const shell = holding('app/Shell.tsx');
const kept = holding('app/Kept.tsx');
const keptPages = ['auth/InvitationPage', 'auth/ForcedPasswordPage'];

const pages = [...chunks.values()].filter((chunk) => /^features\/.*Page\.tsx$/.test(sourceOf(chunk)));
if (!entry || !shell || !kept || pages.length < 20) throw new Error('the build does not hold what is measured here');
let over = 0;
for (const page of pages.sort((a, b) => sourceOf(a).localeCompare(sourceOf(b)))) {
  const name = sourceOf(page).replace(/^features\/|\.tsx$/g, '');
  const round = keptPages.includes(name) ? kept : name.startsWith('auth/') ? undefined : shell;
  const loaded = new Set([entry, round, page].flatMap((chunk) => [...withImports(chunk)]));
  const kilobytes = [...loaded].reduce((sum, chunk) => sum + sizeOf(chunk), 0) / 1000;
  const most = ceilings[name] ?? budget;
  const fits = kilobytes <= most;
  if (!fits) over++;
  console.log(`${fits ? ' ' : '!'} ${kilobytes.toFixed(1).padStart(6)} of ${most} kB  ${name}`);
}
if (over) {
  console.error(`${over} pages are over their budget of compressed script.`);
  process.exitCode = 1;
}
