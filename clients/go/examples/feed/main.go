// Shows the newest videos, then the most popular ones, page by page.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/base"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/video"
)

func main() {
	var config fanone.Config
	config.AddFlags(flag.CommandLine)
	pages := flag.Int("pages", 3, "how many pages of popular videos, at most")
	flag.Parse()

	site, err := fanone.Connect(config)
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	ctx := context.Background()

	feed, err := fanone.Answer(site.Videos.Feed(ctx, &video.FeedReq{LatestTime: 0}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the newest videos:")
	for _, video := range feed.Videos {
		fmt.Println(" ", time.UnixMilli(video.CreatedAt).Format(time.DateTime), video.Title)
	}

	const size = 10
	for number := range *pages {
		page := &base.Page{Num: int32(number), Size: size}
		popular, err := fanone.Answer(site.Videos.Popular(ctx, &video.PopularReq{Page: page}))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("page %d of the popular videos:\n", number+1)
		for _, video := range popular.Videos {
			fmt.Printf("  %6d visits %6d likes  %s\n", video.VisitCount, video.LikeCount, video.Title)
		}
		if len(popular.Videos) < size {
			break
		}
	}
}
