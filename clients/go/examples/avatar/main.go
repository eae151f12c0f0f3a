// Publishes a picture: files go in over HTTP, and the services are asked for what became of them.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/user"
)

func main() {
	var config fanone.Config
	config.AddFlags(flag.CommandLine)
	front := flag.String("site", "http://127.0.0.1:8080", "the site's HTTP address")
	username := flag.String("user", "ann", "name of a registered user")
	password := flag.String("password", "correct-horse", "and password")
	flag.Parse()

	site, err := fanone.Connect(config)
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	ctx := context.Background()

	login, err := fanone.Answer(site.Users.Login(ctx, &user.LoginReq{Username: *username, Password: *password}))
	if err != nil {
		log.Fatal(err)
	}
	if err := upload(*front+"/user/avatar/upload", login.Tokens.AccessToken, picture()); err != nil {
		log.Fatal(err)
	}
	found, err := fanone.Answer(site.Users.FindUser(ctx, &user.FindUserReq{Username: *username}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the avatar is", found.User.Avatar)
}

// picture is a square in two colours.
func picture() []byte {
	square := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for x := range 64 {
		for y := range 64 {
			square.Set(x, y, color.RGBA{R: uint8(4 * x), G: uint8(4 * y), B: 128, A: 255})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, square); err != nil {
		log.Fatal(err)
	}
	return file.Bytes()
}

func upload(url, accessToken string, file []byte) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("data", "avatar.png")
	if err != nil {
		return err
	}
	part.Write(file) // into memory: it can't fail
	form.Close()
	request, err := http.NewRequest(http.MethodPut, url, &body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Access-Token", accessToken)
	answer, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}
