package interop

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/circuitbreak"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/transport"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/interaction"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user/userservice"
)

// Kitex's breaker opens at half of at least 200 calls.
const manyCalls = 250

func breaker(t *testing.T) client.Option {
	t.Helper()
	suite := circuitbreak.NewCBSuite(circuitbreak.RPCInfo2Key)
	t.Cleanup(func() { suite.Close() })
	return client.WithCircuitBreaker(suite)
}

func TestExpectedFailuresArriveAsAnswersAndOpenNoBreaker(t *testing.T) {
	users, err := userservice.NewClient(fanone.UserService, options(t, breaker(t))...)
	if err != nil {
		t.Fatal(err)
	}
	for range manyCalls {
		answer, err := users.FindUser(context.Background(), &user.FindUserReq{Username: "nobody_at_all"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fanone.Answer(answer, nil); !errors.Is(err, fanone.UserNotFound) {
			t.Fatal(err)
		}
	}
}

func TestRefusalsOpenNoBreaker(t *testing.T) {
	users, err := userservice.NewClient(fanone.UserService, options(t, breaker(t))...)
	if err != nil {
		t.Fatal(err)
	}
	for range manyCalls {
		if _, err := fanone.Answer(users.BeginMfa(context.Background(), &user.BeginMfaReq{})); !errors.Is(err, fanone.NotLoggedIn) {
			t.Fatal(err)
		}
	}
}

// Without this the two tests above would prove nothing.
func TestABreakerOpensWhereRefusalsAreNotExplained(t *testing.T) {
	users, err := userservice.NewClient(fanone.UserService, breaker(t),
		client.WithHostPorts(address(t, fanone.UserService)),
		client.WithTransportProtocol(transport.TTHeader),
		client.WithRPCTimeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for range manyCalls {
		_, err = users.BeginMfa(context.Background(), &user.BeginMfaReq{})
	}
	if !errors.Is(err, kerrors.ErrCircuitBreak) {
		t.Error(err)
	}
}

func TestAFaultArrivesAsAnErrorWithoutInnerDetails(t *testing.T) {
	site := connect(t, config(t))
	_, asUser := newUser(t, site)
	published := newVideo(t, site, asUser)
	like := &interaction.LikeReq{VideoId: &published.Id, On: true}

	const table, hidden = "likes", "likes_away"
	rename(t, table, hidden)
	answer, err := site.Interactions.Like(asUser, like)
	rename(t, hidden, table)

	var ours *fanone.Error
	if !errors.As(err, &ours) || ours.Code != fanone.Internal || ours.Message != "internal error" {
		t.Errorf("%v %v", answer, err)
	}
	for _, detail := range []string{table, "SQL", "sql", ".rs"} {
		if err != nil && strings.Contains(err.Error(), detail) {
			t.Errorf("it tells of %s: %v", detail, err)
		}
	}
	if _, err := fanone.Answer(site.Interactions.Like(asUser, like)); err != nil {
		t.Error("the site does not work again:", err)
	}
}

// rename a table of the interaction service, behind its back.
func rename(t *testing.T, from, to string) {
	t.Helper()
	database := filepath.Join(variable(t, "FANONE_TEST_SITE_DATA"), "interaction.db")
	const program = `import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
db.execute(f"ALTER TABLE {sys.argv[2]} RENAME TO {sys.argv[3]}")
db.commit()`
	if said, err := exec.Command("python3", "-c", program, database, from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}
