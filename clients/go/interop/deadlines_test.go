package interop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/client/callopt"
	"github.com/cloudwego/kitex/pkg/kerrors"
	"github.com/cloudwego/kitex/pkg/remote"
	"github.com/cloudwego/kitex/pkg/remote/transmeta"
	"github.com/cloudwego/kitex/pkg/rpcinfo"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user/userservice"
)

// oneMillisecond is all that the service is told to have; the client itself waits on.
type oneMillisecond struct{}

func (oneMillisecond) WriteMeta(ctx context.Context, msg remote.Message) (context.Context, error) {
	msg.TransInfo().PutTransIntInfo(map[uint16]string{transmeta.RPCTimeout: "1"})
	return ctx, nil
}

func (oneMillisecond) ReadMeta(ctx context.Context, _ remote.Message) (context.Context, error) {
	return ctx, nil
}

func TestTheServiceStopsAtTheCallersDeadline(t *testing.T) {
	users, err := userservice.NewClient(fanone.UserService, options(t, client.WithMetaHandler(oneMillisecond{}))...)
	if err != nil {
		t.Fatal(err)
	}
	// To check a password takes longer than that on any machine.
	_, err = fanone.Answer(users.Login(context.Background(), &user.LoginReq{Username: "nobody_at_all", Password: password}))
	if !errors.Is(err, fanone.Unavailable) || kerrors.IsTimeoutError(err) {
		t.Errorf("the service did not say that time was over: %v", err)
	}
}

func TestTheCallerStopsAtTheDeadlineOfItsContext(t *testing.T) {
	site := connect(t, config(t))
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := fanone.Answer(site.Users.Login(ctx, &user.LoginReq{Username: "nobody_at_all", Password: password}))
	if !errors.Is(err, fanone.Unavailable) {
		t.Error(err)
	}
}

// told says which deadline reaches a service.
type told struct {
	user.UserService
	deadline time.Duration
}

func (s *told) GetUsers(ctx context.Context, _ *user.GetUsersReq) (*user.GetUsersResp, error) {
	s.deadline = rpcinfo.GetRPCInfo(ctx).Config().RPCTimeout()
	return &user.GetUsersResp{Base: success(), Users: []*user.User{}}, nil
}

func TestTheEarliestDeadlineIsTheOneThatIsSent(t *testing.T) {
	service := &told{}
	config := config(t)
	config.Registry = "static:" + fanone.UserService + "=" + serve(t, service)
	site := connect(t, config)
	call := func(ctx context.Context, options ...callopt.Option) time.Duration {
		t.Helper()
		if _, err := fanone.Answer(site.Users.GetUsers(ctx, &user.GetUsersReq{}, options...)); err != nil {
			t.Fatal(err)
		}
		return service.deadline
	}
	between := func(what string, got, least, most time.Duration) {
		t.Helper()
		if got <= least || got > most {
			t.Errorf("%s: %s", what, got)
		}
	}
	between("the client's", call(context.Background()), 15*time.Second, 20*time.Second)
	between("the call's", call(context.Background(), callopt.WithRPCTimeout(15*time.Second)), 10*time.Second, 15*time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	between("the context's", call(ctx), 0, 10*time.Second)
	between("of both", call(ctx, callopt.WithRPCTimeout(15*time.Second)), 0, 10*time.Second)
}
