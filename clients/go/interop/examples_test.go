package interop

import (
	"os/exec"
	"strings"
	"testing"
)

// run gives what an example printed.
func run(t *testing.T, example string, arguments ...string) string {
	t.Helper()
	config := config(t)
	all := append([]string{"run", "../examples/" + example, "-name", config.Name, "-key", config.Key,
		"-registry", config.Registry, "-timeout", config.Timeout.String()}, arguments...)
	said, err := exec.Command("go", all...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", example, err, said)
	}
	return string(said)
}

func TestTheExamplesRun(t *testing.T) {
	site := connect(t, config(t))
	_, asUser := newUser(t, site)
	published := newVideo(t, site, asUser)
	ann := []string{"-user", unique("ann"), "-password", password}

	for _, step := range []struct {
		example   string
		arguments []string
		says      string
	}{
		{"register", ann, "logged out"},
		{"register", ann, "is registered already"},
		{"avatar", append(ann, "-site", variable(t, "FANONE_TEST_SITE")), "the avatar is avatars/"},
		{"feed", nil, published.Title},
		{"counts", ann, "has 1 likes"},
		{"deadline", nil, "given up"},
	} {
		if said := run(t, step.example, step.arguments...); !strings.Contains(said, step.says) {
			t.Errorf("%s does not say %q:\n%s", step.example, step.says, said)
		}
	}
}
