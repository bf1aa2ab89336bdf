// Checks ext/anteroom/words.js; exits with an error at the first difference.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

// The dashboard loads words.js as a module. Here it is read as text, because what node takes a .js file for depends on
// package.json files further up.
const source = readFileSync(new URL("../ext/anteroom/words.js", import.meta.url), "utf8");
const { instantOf, moveDay, sayBirth, sayMethod, sayMinutes, sayMoney, sayShortDay, sayTime, timeIn } = await import("data:text/javascript," + encodeURIComponent(source));

const denver = "America/Denver";
for (const [day, time, zone, want] of [
    ["2026-12-02", "09:00", denver, "2026-12-02T16:00:00Z"],
    ["2026-07-02", "09:00", denver, "2026-07-02T15:00:00Z"],
    ["2027-03-14", "01:59", denver, "2027-03-14T08:59:00Z"], // the last minute before the clocks go forward
    ["2027-03-14", "02:30", denver, null], // skipped
    ["2027-03-14", "03:00", denver, "2027-03-14T09:00:00Z"],
    ["2026-11-01", "01:30", denver, "2026-11-01T07:30:00Z"], // comes twice: the first
    ["2026-11-01", "02:00", denver, "2026-11-01T09:00:00Z"],
    ["2026-12-02", "00:00", "Asia/Kolkata", "2026-12-01T18:30:00Z"],
    ["2026-12-02", "23:59", "Pacific/Kiritimati", "2026-12-02T09:59:00Z"],
    ["2026-10-04", "02:15", "Australia/Lord_Howe", null], // a leap of half an hour
    ["2026-12-02", "12:00", "UTC", "2026-12-02T12:00:00Z"],
]) {
    assert.equal(instantOf(day, time, zone), want, `${day} ${time} ${zone}`);
}
assert.equal(timeIn(denver, Date.parse("2026-12-02T16:05:00Z")), "9:05 am");
assert.deepEqual(["00:05", "11:59", "12:00", "23:10", ""].map(sayTime), ["12:05 am", "11:59 am", "12:00 pm", "11:10 pm", ""]);
assert.equal(moveDay("2026-02-28", 1), "2026-03-01");
assert.equal(moveDay("2027-01-01", -1), "2026-12-31");
assert.equal(sayShortDay("2026-12-02"), "Wed, Dec 2");
assert.equal(sayBirth("1990-04-27"), "Apr 27, 1990");
assert.equal(sayMoney(4500), "$45.00");
assert.deepEqual([1, 60000, 60001, 600000].map(sayMinutes), ["1 minute", "1 minute", "2 minutes", "10 minutes"]);
assert.equal(sayMethod("sms", "•• 34"), "Text message to •• 34");
assert.equal(sayMethod("totp"), "Authenticator app");
