package interop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/transport"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user/userservice"
)

func TestTransportsWithAHeaderAreServed(t *testing.T) {
	for name, protocol := range map[string]transport.Protocol{"TTHeader": transport.TTHeader, "TTHeaderFramed": transport.TTHeaderFramed} {
		t.Run(name, func(t *testing.T) {
			users, err := userservice.NewClient(fanone.UserService, options(t, client.WithTransportProtocol(protocol))...)
			if err != nil {
				t.Fatal(err)
			}
			request := &user.GetUsersReq{Ids: []int64{1}}
			if _, err := fanone.Answer(users.GetUsers(context.Background(), request)); err != nil {
				t.Error(err)
			}
		})
	}
}

// They have no place for tokens.
func TestTransportsWithoutAHeaderAreRefusedWithACode(t *testing.T) {
	for name, protocol := range map[string]transport.Protocol{"Framed": transport.Framed, "Buffered": transport.PurePayload} {
		t.Run(name, func(t *testing.T) {
			users, err := userservice.NewClient(fanone.UserService,
				client.WithHostPorts(address(t, fanone.UserService)),
				client.WithTransportProtocol(protocol),
				client.WithRPCTimeout(20*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err = fanone.Answer(users.GetUsers(context.Background(), &user.GetUsersReq{Ids: []int64{1}}))
				if !errors.Is(err, fanone.Forbidden) {
					t.Error(err)
				}
			}
		})
	}
}
