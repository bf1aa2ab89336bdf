package identity

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"anteroom/collections"
)

// question is a route that a stranger may ask about somebody, and the same question about people of several kinds. No
// answer to any of them may tell which kind it was.
type question struct {
	name  string
	kinds []string // the first is a person the clinic knows
	ask   func(c *clinic, kind string, headers ...string) answer
	often int // how often in a row, so that limits and locks are compared too
}

const stranger = "nobody@mail.example"

var umaIsWrong = map[string]m{
	"known, wrong date": umaForm("dateOfBirth", "1977-07-08"), "known, wrong name": umaForm("lastName", "Dahlia"),
	"unknown email": umaForm("email", "nobody@mail.example"), "has a login": umaForm("email", ada),
}

func byEmail(path string, more m) func(c *clinic, email string, headers ...string) answer {
	return func(c *clinic, email string, headers ...string) answer {
		body := m{"email": email}
		maps.Copy(body, more)
		return c.do("POST", path, "", body, headers...)
	}
}

func bySDK(collection string) func(c *clinic, email string, headers ...string) answer {
	return func(c *clinic, email string, headers ...string) answer {
		return c.sdk(collection, email, wrong, headers...)
	}
}

var questions = []question{
	{"register", slices.Sorted(maps.Keys(umaIsWrong)), func(c *clinic, kind string, headers ...string) answer {
		return c.do("POST", auth+"register", "", umaIsWrong[kind], headers...)
	}, 5},
	{"login", []string{ada, stranger, dee}, func(c *clinic, email string, headers ...string) answer { return c.login(email, wrong, headers...) }, 8},
	{"authWithPassword", []string{ada, stranger, dee}, bySDK(collections.PortalUsers), 8},
	{"authWithPassword of staff", []string{dee, stranger, ada}, bySDK(collections.Staff), 8},
	{"forgot-password", []string{ada, stranger, dee, umaMail}, byEmail(auth+"forgot-password", nil), 7},
	{"resend-verification", []string{ada, stranger, umaMail}, byEmail(auth+"resend-verification", nil), 7},
	{"verify-email", []string{ada, stranger, umaMail}, byEmail(auth+"verify-email", m{"code": "000000"}), 8},
	{"magic-link", []string{ada, stranger, dee, umaMail}, byEmail(auth+"magic-link", nil), 7},
	{"magic-link/verify", []string{ada, stranger, umaMail}, byEmail(auth+"magic-link/verify", m{"code": "000000"}), 8},
	{"invitations/renew", []string{"one", "two"}, func(c *clinic, kind string, headers ...string) answer {
		return c.do("POST", auth+"invitations/renew", "", m{"token": strings.Repeat("x", 40) + kind}, headers...)
	}, 7},
	{"invitations/open", []string{"one", "two"}, func(c *clinic, kind string, headers ...string) answer {
		return c.do("POST", auth+"invitations/open", "", m{"token": strings.Repeat("x", 40) + kind}, headers...)
	}, 7},
}

// exists tells whether the program has the route: some are made later than others.
func (q question) exists(c *clinic) bool {
	return q.ask(c, q.kinds[0], "address", "192.0.2.99").Status != 404
}

var clockwork = regexp.MustCompile(`"retryAfter":(\d+)`)

// alike compares answers to the byte, headers too. Only seconds that are left may differ by the one that passed between
// the two questions.
func alike(t *testing.T, name string, a, b answer) {
	t.Helper()
	second := func(what, x, y string) {
		n, _ := strconv.Atoi(x)
		k, _ := strconv.Atoi(y)
		if (x == "") != (y == "") || n-k > 1 || k-n > 1 {
			t.Errorf("%s: %s %q and %q", name, what, x, y)
		}
	}
	left := func(a answer) string {
		if found := clockwork.FindStringSubmatch(a.Body); found != nil {
			return found[1]
		}
		return ""
	}
	second("retryAfter", left(a), left(b))
	a.Header, b.Header = a.Header.Clone(), b.Header.Clone()
	for _, h := range []string{"Retry-After", "RateLimit-Reset"} {
		second(h, a.Header.Get(h), b.Header.Get(h))
		a.Header.Del(h)
		b.Header.Del(h)
	}
	a.Body, b.Body = clockwork.ReplaceAllString(a.Body, ""), clockwork.ReplaceAllString(b.Body, "")
	if a.Status != b.Status || a.Body != b.Body || !maps.EqualFunc(a.Header, b.Header, slices.Equal) {
		t.Errorf("%s:\n%d %s %v\n%d %s %v", name, a.Status, a.Body, a.Header, b.Status, b.Body, b.Header)
	}
}

// Status, body and headers are the same for people the clinic knows and for those it does not, from the first question
// to the one that is refused for being too many.
func TestKnownAndUnknownAnswerAlike(t *testing.T) {
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			c := newClinic(t)
			if !q.exists(c) {
				t.Fatal("the route is gone")
			}
			c.advance(2 * time.Hour)
			if q.name != "register" {
				c.want(c.register(umaForm()), 201, "") // Uma waits for her proof
			}
			first := make([]answer, q.often)
			for k, kind := range q.kinds {
				if q.name == "register" {
					c.advance(2 * time.Hour) // two kinds are about one address
				}
				for i := range q.often {
					got := q.ask(c, kind, "address", fmt.Sprintf("198.51.100.%d", k))
					if k == 0 {
						first[i] = got
						continue
					}
					alike(t, fmt.Sprintf("%s and %s, question %d", q.kinds[0], kind, i+1), first[i], got)
				}
			}
			last := first[q.often-1].Status
			if strings.Contains(q.name, "verify") || strings.Contains(q.name, "invitations") {
				return // counted in the row of the code, or by the address alone
			}
			if last != 429 && last != 403 {
				t.Error("the limit was not reached:", last)
			}
		})
	}
}

// distribution is how long answers took, in order.
type distribution []time.Duration

func (d distribution) quantile(q float64) time.Duration {
	return d[min(len(d)-1, int(q*float64(len(d))))].Round(time.Microsecond)
}

// smirnov is the Kolmogorov-Smirnov distance: the widest gap between the shares of both that were answered by then.
func smirnov(a, b distribution) (d float64) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		at := min(a[i], b[j])
		for i < len(a) && a[i] == at {
			i++
		}
		for j < len(b) && b[j] == at {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return d
}

// rankSum is the z of the Wilcoxon rank-sum test: beyond 2.6 in either direction, one chance in a hundred.
func rankSum(a, b distribution) float64 {
	all := slices.Sorted(slices.Values(append(slices.Clone(a), b...)))
	sum := 0.0
	for _, x := range a {
		low, _ := slices.BinarySearch(all, x)
		high, _ := slices.BinarySearch(all, x+1)
		sum += float64(low+high+1) / 2
	}
	n, k := float64(len(a)), float64(len(b))
	return (sum - n*(n+k+1)/2) / math.Sqrt(n*k*(n+k+1)/12)
}

// BenchmarkEnumeration prints, for every question, how long answers take about each kind of person, and whether two
// kinds can be told apart: n, median, 95th percentile, Kolmogorov-Smirnov distance to the first kind with the distance
// that chance exceeds once in a hundred, and the rank-sum z. "work" is the time to the answer being ready, with the
// cheapest bcrypt so that nothing hides behind it; "answer" is when it leaves, at a quarter of the pace of a real clinic;
// "paused" is a sign-in that is refused unevaluated, which a stranger may ask without end.
func BenchmarkEnumeration(b *testing.B) {
	type mode struct {
		name    string
		pace    time.Duration
		samples int
		paused  bool
	}
	work, leaves, paused := mode{"work", 1, 200, false}, mode{"answer", 100 * time.Millisecond, 40, false}, mode{"paused", 1, 500, true}
	for _, q := range questions {
		modes := []mode{work, leaves}
		if strings.HasPrefix(q.name, "login") || strings.HasPrefix(q.name, "authWith") {
			modes = []mode{work, paused}
		}
		for _, mode := range modes {
			b.Run(q.name+"/"+mode.name, func(b *testing.B) {
				c := newClinic(b)
				if !q.exists(c) {
					b.Fatal("the route is gone")
				}
				c.door.pace = mode.pace
				c.advance(2 * time.Hour)
				if mode.paused {
					for _, kind := range q.kinds {
						for range 5 {
							q.ask(c, kind)
						}
					}
				}
				c.measure(b, q, mode.samples, mode.paused)
			})
		}
	}
}

// measure asks in turn, in an order that chance gives, for at least a second, so that the benchmark runs it once.
func (c *clinic) measure(b *testing.B, q question, samples int, paused bool) {
	took := map[string]distribution{}
	begin := time.Now()
	for n := 0; n < samples || time.Since(begin) < 1100*time.Millisecond; n++ {
		for _, i := range rand.Perm(len(q.kinds)) {
			if !paused {
				c.advance(61 * time.Minute) // every limit is free again
			}
			start := time.Now()
			got := q.ask(c, q.kinds[i])
			took[q.kinds[i]] = append(took[q.kinds[i]], time.Since(start))
			if (got.Status == 429 || got.Status == 403) != paused {
				b.Fatal(got.Status, got.Body)
			}
		}
	}
	var out strings.Builder
	first := q.kinds[0]
	for _, kind := range q.kinds {
		d := took[kind]
		slices.Sort(d)
		fmt.Fprintf(&out, "\n  %-22s n %d  median %-9v p95 %-9v", kind, len(d), d.quantile(0.5), d.quantile(0.95))
		if kind != first {
			chance := 1.63 * math.Sqrt(2/float64(len(d)))
			fmt.Fprintf(&out, " KS %.3f (chance %.3f)  rank-sum z %+.1f", smirnov(took[first], d), chance, rankSum(took[first], d))
		}
	}
	b.Log(out.String())
	b.ReportMetric(smirnov(took[first], took[q.kinds[1]]), "KS")
}
