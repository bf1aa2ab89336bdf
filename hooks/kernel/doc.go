// Package kernel is what every domain stands on: who is calling (Actor), what time it is (Now), how a refusal
// is said (Error and its codes), how a route is declared and answered (Route, Call, Reply), for whom a request
// acts (grants), and the limits every door has.
//
// It owns no rule of any domain and imports none. It may read client_access and clinic_settings, because
// "for whom" and "how often" are asked before a domain is reached. What must never happen here: a PHI value in a
// log line, an answer outside the envelope, a route that declares no audience.
package kernel
