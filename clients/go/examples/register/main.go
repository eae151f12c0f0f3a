// Registers a user, logs in, and shows what a refusal looks like.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
)

func main() {
	var config fanone.Config
	config.AddFlags(flag.CommandLine)
	username := flag.String("user", "ann", "the new user's name")
	password := flag.String("password", "correct-horse", "and password")
	flag.Parse()

	site, err := fanone.Connect(config)
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	ctx := context.Background()

	registered, err := fanone.Answer(site.Users.Register(ctx, &user.RegisterReq{Username: *username, Password: *password}))
	switch {
	case errors.Is(err, fanone.UsernameTaken):
		fmt.Println(*username, "is registered already")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("registered as number", registered.GetUserId())
	}

	login, err := fanone.Answer(site.Users.Login(ctx, &user.LoginReq{Username: *username, Password: *password}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("logged in:", login.User.Username, "with", login.User.FollowerCount, "followers")

	// From here on calls act for the user.
	ctx = fanone.AsUser(ctx, login.Tokens.AccessToken)
	if _, err := fanone.Answer(site.Users.Logout(ctx, &user.LogoutReq{})); err != nil {
		log.Fatal(err)
	}
	fmt.Println("logged out")
}
