// Calls with a deadline: the service stops when it is over, and so does the caller.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/cloudwego/kitex/client/callopt"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/video"
)

func main() {
	var config fanone.Config
	config.AddFlags(flag.CommandLine)
	flag.Parse()

	site, err := fanone.Connect(config)
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()

	// For one call, by an option of Kitex:
	ctx := context.Background()
	_, err = fanone.Answer(site.Videos.Feed(ctx, &video.FeedReq{}, callopt.WithRPCTimeout(time.Second)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the feed came within a second")

	// For all calls of a piece of work, by its context. To check a password takes longer than 1 ms.
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	_, err = fanone.Answer(site.Users.Login(ctx, &user.LoginReq{Username: "nobody", Password: "correct-horse"}))
	if !errors.Is(err, fanone.Unavailable) {
		log.Fatal("the log-in was done within a millisecond: ", err)
	}
	fmt.Println("the log-in was given up:", err)
}
