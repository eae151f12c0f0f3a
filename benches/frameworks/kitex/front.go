package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	hertz "github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/connpool"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/transport"

	"github.com/fanone/fanone/benches/frameworks/kitex/kitex_gen/hop"
	"github.com/fanone/fanone/benches/frameworks/kitex/kitex_gen/hop/hopservice"
)

// As the front in volo: one call at a time on each connection, and more idle ones than there are requests side by side.
var connections = connpool.IdleConfig{MaxIdlePerAddress: 1024, MaxIdleGlobal: 1024, MaxIdleTimeout: 30 * time.Second}

func front(address, service string) error {
	videos, err := hopservice.NewClient("hop",
		client.WithHostPorts(service),
		client.WithClientBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: "front"}),
		client.WithTransportProtocol(transport.TTHeaderFramed),
		client.WithMetaHandler(transmeta.ClientTTHeaderHandler),
		client.WithLongConnection(connections),
		client.WithRPCTimeout(2*time.Second),
		client.WithConnectTimeout(500*time.Millisecond),
	)
	if err != nil {
		return err
	}
	server := hertz.New(hertz.WithHostPorts(address), hertz.WithDisablePrintRoute(true))
	server.GET("/video/info", func(ctx context.Context, c *app.RequestContext) {
		id, err := strconv.ParseInt(c.Query("video_id"), 10, 64)
		if err != nil {
			c.SetStatusCode(http.StatusBadRequest)
			return
		}
		answer, err := videos.GetVideo(ctx, &hop.GetVideoReq{Id: id})
		if err != nil {
			c.SetStatusCode(http.StatusBadGateway)
			return
		}
		c.JSON(http.StatusOK, answer)
	})
	return server.Run()
}
