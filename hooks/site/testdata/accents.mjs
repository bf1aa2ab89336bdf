// node accents.mjs > accents.json: the ramps of hard, web-safe and random colours, from the generator of the tokens.
import { execFileSync } from 'node:child_process';
const hard = ['#1c5f73', '#8a3b6b', '#ffd400', '#ffff00', '#39ff14', '#ff00ff', '#00ffff', '#000000', '#ffffff', '#808080', '#e63946', '#f4a261', '#d4af37', '#0000ff', '#2e7d32', '#ffc0cb', '#7b2cbf', '#c8a2c8'];
let seed = 11;
const next = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
const random = Array.from({ length: 60 }, () => '#' + [0, 0, 0].map(() => Math.floor(next() * 256).toString(16).padStart(2, '0')).join(''));
const out = {};
for (const c of [...hard, ...random]) out[c] = JSON.parse(execFileSync(process.execPath, [new URL('tokens.mjs', import.meta.url).pathname, c], { encoding: 'utf8' }));
console.log(JSON.stringify(out, null, 1));
