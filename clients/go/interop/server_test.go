package interop

import (
	"net"
	"testing"

	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/server"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/base"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user/userservice"
)

func success() *base.BaseResp { return &base.BaseResp{Code: int32(fanone.Success), Msg: "success"} }

// serve runs a user service in Go until the test ends: its address.
func serve(t *testing.T, service user.UserService, options ...server.Option) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	options = append(options,
		server.WithListener(listener),
		server.WithServerBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: fanone.UserService}),
		server.WithMetaHandler(transmeta.ServerTTHeaderHandler))
	running := userservice.NewServer(service, options...)
	ended := make(chan error, 1)
	go func() { ended <- running.Run() }()
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return listener.Addr().String()
}
