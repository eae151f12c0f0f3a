// Package interop tests the Go client against a running site, its Nacos and its Jaeger: scripts/test-go.
package interop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/kitex/client"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/video"
)

// variable is set by scripts/test-go.
func variable(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: these tests need a site and servers of their own, run scripts/test-go", name)
	}
	return value
}

func config(t *testing.T) fanone.Config {
	t.Helper()
	return fanone.Config{
		Name:     variable(t, "FANONE_TEST_NAME"),
		Key:      variable(t, "FANONE_TEST_KEY"),
		Registry: variable(t, "FANONE_TEST_SERVICES"),
		// Far more than any call needs: what is slow here is the machine.
		Timeout: 20 * time.Second,
	}
}

func connect(t *testing.T, config fanone.Config) *fanone.Site {
	t.Helper()
	site, err := fanone.Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	return site
}

// options are those of a ready client, with more behind them.
func options(t *testing.T, more ...client.Option) []client.Option {
	t.Helper()
	ready, done, err := fanone.ClientOptions(config(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	return append(ready, more...)
}

// address is where the service listens.
func address(t *testing.T, service string) string {
	t.Helper()
	for _, part := range strings.Split(strings.TrimPrefix(variable(t, "FANONE_TEST_SERVICES"), "static:"), ",") {
		if place, ok := strings.CutPrefix(part, service+"="); ok {
			return place
		}
	}
	t.Fatalf("no %s in FANONE_TEST_SERVICES", service)
	return ""
}

func unique(what string) string { return fmt.Sprintf("%s%d", what, rand.Uint32()) }

const password = "correct-horse"

// newUser registers a user and logs in: the name and a context that acts for the user.
func newUser(t *testing.T, site *fanone.Site) (string, context.Context) {
	t.Helper()
	ctx, name := context.Background(), unique("go")
	if _, err := fanone.Answer(site.Users.Register(ctx, &user.RegisterReq{Username: name, Password: password})); err != nil {
		t.Fatal(err)
	}
	login, err := fanone.Answer(site.Users.Login(ctx, &user.LoginReq{Username: name, Password: password}))
	if err != nil {
		t.Fatal(err)
	}
	return name, fanone.AsUser(ctx, login.Tokens.AccessToken)
}

// newVideo publishes one without a file.
func newVideo(t *testing.T, site *fanone.Site, asUser context.Context) *video.Video {
	t.Helper()
	key := unique("go")
	request := &video.PublishReq{VideoKey: "video/" + key + ".mp4", CoverKey: "cover/" + key + ".png", Title: key, CoverModel: "none"}
	published, err := fanone.Answer(site.Videos.Publish(asUser, request))
	if err != nil {
		t.Fatal(err)
	}
	return published.Video
}

// eventually asks again until it is so, or for as long as patience lasts.
func eventually(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	const patience = 20 * time.Second
	for end := time.Now().Add(patience); !isSo(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
