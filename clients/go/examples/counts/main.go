// Likes the newest video and watches its count move. Likes travel to the video in batches, about once a second.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/interaction"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/video"
)

func main() {
	var config fanone.Config
	config.AddFlags(flag.CommandLine)
	username := flag.String("user", "ann", "name of a registered user")
	password := flag.String("password", "correct-horse", "and password")
	flag.Parse()

	site, err := fanone.Connect(config)
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	login, err := fanone.Answer(site.Users.Login(ctx, &user.LoginReq{Username: *username, Password: *password}))
	if err != nil {
		log.Fatal(err)
	}
	feed, err := fanone.Answer(site.Videos.Feed(ctx, &video.FeedReq{}))
	if err != nil {
		log.Fatal(err)
	}
	if len(feed.Videos) == 0 {
		log.Fatal("there is no video yet: `fanone seed` makes some")
	}
	newest := feed.Videos[0]
	fmt.Printf("%q has %d likes\n", newest.Title, newest.LikeCount)

	asUser := fanone.AsUser(ctx, login.Tokens.AccessToken)
	_, err = fanone.Answer(site.Interactions.Like(asUser, &interaction.LikeReq{VideoId: &newest.Id, On: true}))
	if errors.Is(err, fanone.Conflict) {
		log.Fatal(*username, " likes it already")
	} else if err != nil {
		log.Fatal(err)
	}
	for {
		now, err := fanone.Answer(site.Videos.GetVideos(ctx, &video.GetVideosReq{Ids: []int64{newest.Id}}))
		if err != nil {
			log.Fatal(err)
		}
		if len(now.Videos) == 1 && now.Videos[0].LikeCount > newest.LikeCount {
			fmt.Printf("%q has %d likes\n", newest.Title, now.Videos[0].LikeCount)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}
