// A model of pictures in a program of its own: the site calls it for the vectors that pictures are searched by.
// This one knows colours only: the mean of each of 4 x 4 fields. On the site:
//
//	model.url = "service:fanone.embedding?name=colours&dimension=48"
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"image"
	"image/png"
	"log"
	"math"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/base"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/embedding"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/embedding/embeddingservice"
)

const (
	name      = "colours"
	fields    = 4
	dimension = fields * fields * 3
	// The front sends nothing larger.
	sideMax = 512
)

func main() {
	config := fanone.ServerConfig{Name: fanone.EmbeddingService, Callers: []string{fanone.Front}}
	flag.StringVar(&config.Listen, "listen", "127.0.0.1:8200", "where to listen, as the site reaches it")
	flag.StringVar(&config.Registry, "registry", "", "nacos://… to be found there; empty: nowhere")
	flag.StringVar(&config.Keys, "keys", "data/keys", "folder with fanone.http.pub")
	flag.Parse()

	options, done, err := fanone.ServerOptions(config)
	if err != nil {
		log.Fatal(err)
	}
	defer done()
	// Until SIGINT or SIGTERM.
	if err := embeddingservice.NewServer(&model{}, options...).Run(); err != nil {
		log.Print(err)
	}
}

type model struct{}

// Embed implements the service.
func (*model) Embed(_ context.Context, req *embedding.EmbedReq) (*embedding.EmbedResp, error) {
	if req.Model != name {
		return says(fanone.NotFound, "there is only the model "+name), nil
	}
	// The size first: a small file can hold a very large picture.
	head, err := png.DecodeConfig(bytes.NewReader(req.Picture))
	if err != nil || head.Width > sideMax || head.Height > sideMax {
		return says(fanone.NotAPicture, "not a PNG of at most 512 pixels a side"), nil
	}
	picture, err := png.Decode(bytes.NewReader(req.Picture))
	if err != nil {
		return says(fanone.NotAPicture, "not a readable PNG"), nil
	}
	answer := says(fanone.Success, "success")
	for _, number := range colours(picture) {
		answer.Vector = binary.LittleEndian.AppendUint32(answer.Vector, math.Float32bits(number))
	}
	return answer, nil
}

func says(code fanone.Code, message string) *embedding.EmbedResp {
	return &embedding.EmbedResp{Base: &base.BaseResp{Code: int32(code), Msg: message}, Vector: []byte{}, Model: name}
}

// colours are the means of red, green and blue, each from 0 to 1, field by field.
func colours(picture image.Image) [dimension]float32 {
	var sums, counts [dimension]float32
	area := picture.Bounds()
	for y := range area.Dy() {
		for x := range area.Dx() {
			red, green, blue, _ := picture.At(area.Min.X+x, area.Min.Y+y).RGBA()
			field := 3 * (y*fields/area.Dy()*fields + x*fields/area.Dx())
			for part, value := range [3]uint32{red, green, blue} {
				sums[field+part] += float32(value) / math.MaxUint16
				counts[field+part]++
			}
		}
	}
	for place := range sums {
		sums[place] /= max(counts[place], 1)
	}
	return sums
}
