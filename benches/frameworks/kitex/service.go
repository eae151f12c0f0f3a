package main

import (
	"context"
	"net"

	"github.com/cloudwego/kitex/pkg/transmeta"
	"github.com/cloudwego/kitex/server"

	"github.com/fanone/fanone/benches/frameworks/kitex/kitex_gen/hop"
	"github.com/fanone/fanone/benches/frameworks/kitex/kitex_gen/hop/hopservice"
)

// The same in every framework; the runner holds them against each other.
var video = hop.Video{
	UserId:       7212345678901234567,
	VideoKey:     "videos/0f3b5c1e9a7d4e62b8c0d1f2a3b4c5d6.mp4",
	CoverKey:     "covers/9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b.jpg",
	Title:        "Galaxy above the pond",
	Description:  "One night, one camera, four hundred pictures: the Milky Way and what it looks like in still water.",
	VisitCount:   123456,
	LikeCount:    7890,
	CommentCount: 321,
	CreatedAt:    1767225600000,
	UpdatedAt:    1769904000000,
}

// service answers from memory.
type service struct{}

func (*service) GetVideo(_ context.Context, req *hop.GetVideoReq) (*hop.GetVideoResp, error) {
	data := video
	data.Id = req.Id
	return &hop.GetVideoResp{Base: &hop.BaseResp{Code: 10000, Msg: "success"}, Data: &data}, nil
}

func serve(address string) error {
	place, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	return hopservice.NewServer(&service{},
		server.WithServiceAddr(place),
		server.WithMetaHandler(transmeta.ServerTTHeaderHandler),
	).Run()
}
