import * as z from 'zod/mini';

// Zod may compile validators with new Function(); the content security policy refuses that, and even the probe
// would be reported as a violation.
z.config({ jitless: true });

export { z };
