package interop

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/transport"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/base"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user/userservice"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/video/videoservice"
)

func strangersKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "stranger.key")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestACallWithoutAServiceTokenIsForbidden(t *testing.T) {
	users, err := userservice.NewClient(fanone.UserService,
		client.WithHostPorts(address(t, fanone.UserService)),
		client.WithTransportProtocol(transport.TTHeader),
		client.WithRPCTimeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fanone.Answer(users.GetUsers(context.Background(), &user.GetUsersReq{Ids: []int64{1}}))
	if !errors.Is(err, fanone.Forbidden) {
		t.Error(err)
	}
}

func TestAKnownNameWithAWrongKeyAndAnUnknownNameAreForbidden(t *testing.T) {
	wrongKey, unknown := config(t), config(t)
	wrongKey.Key, unknown.Key = strangersKey(t), strangersKey(t)
	unknown.Name = "some.stranger"
	for _, config := range []fanone.Config{wrongKey, unknown} {
		site := connect(t, config)
		_, err := fanone.Answer(site.Users.GetUsers(context.Background(), &user.GetUsersReq{Ids: []int64{1}}))
		if !errors.Is(err, fanone.Forbidden) {
			t.Errorf("%s: %v", config.Name, err)
		}
	}
}

func TestATokenForAnotherServiceIsForbidden(t *testing.T) {
	// A client that takes the user service for the video service.
	videos, err := videoservice.NewClient(fanone.VideoService, options(t, client.WithHostPorts(address(t, fanone.UserService)))...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fanone.Answer(videos.ApplyEvents(context.Background(), &base.ApplyEventsReq{}))
	if !errors.Is(err, fanone.Forbidden) {
		t.Error(err)
	}
}

func TestWhatOnlyServicesMayDoIsForbidden(t *testing.T) {
	_, err := fanone.Answer(connect(t, config(t)).Users.ApplyEvents(context.Background(), &base.ApplyEventsReq{Source: "x"}))
	var ours *fanone.Error
	if !errors.As(err, &ours) || ours.Code != fanone.Forbidden || ours.Message != "forbidden" {
		t.Error(err)
	}
}

func TestWhatIsDoneForAUserNeedsTheUsersToken(t *testing.T) {
	site := connect(t, config(t))
	for name, ctx := range map[string]context.Context{
		"none":    context.Background(),
		"garbage": fanone.AsUser(context.Background(), "garbage"),
	} {
		if _, err := fanone.Answer(site.Users.BeginMfa(ctx, &user.BeginMfaReq{})); !errors.Is(err, fanone.NotLoggedIn) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, asUser := newUser(t, site)
	if _, err := fanone.Answer(site.Users.BeginMfa(asUser, &user.BeginMfaReq{})); err != nil {
		t.Error(err)
	}
}
