package interop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fanone/fanone/clients/go/fanone"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/embedding"
	"github.com/fanone/fanone/clients/go/kitex_gen/fanone/embedding/embeddingservice"
)

// startModel runs the example as a program: where it listens.
func startModel(t *testing.T, arguments ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "model")
	shell(t, "", "go", "build", "-o", program, "../examples/embedding")
	command := exec.Command(program, append([]string{"-listen", "127.0.0.1:0", "-keys", keys(t)}, arguments...)...)
	command.Stdout = os.Stderr
	said, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	listens := make(chan string, 1)
	go func() {
		defer close(listens)
		for lines := bufio.NewScanner(said); lines.Scan(); {
			fmt.Fprintln(os.Stderr, "model:", lines.Text())
			if _, place, found := strings.Cut(lines.Text(), "server listen at addr="); found {
				listens <- place
			}
		}
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil {
			t.Error("the model did not end by itself:", err)
		}
	})
	place, ok := <-listens
	if !ok {
		t.Fatal("the model ended before it listened")
	}
	return place
}

func keys(t *testing.T) string { return filepath.Join(variable(t, "FANONE_TEST_SITE_DATA"), "keys") }

func picture(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// models calls the model at the place as the program of this name.
func models(t *testing.T, caller, place string) embeddingservice.Client {
	t.Helper()
	config := fanone.Config{
		Name:     caller,
		Key:      filepath.Join(keys(t), caller+".key"),
		Registry: "static:" + fanone.EmbeddingService + "=" + place,
		Timeout:  20 * time.Second,
	}
	options, done, err := fanone.ClientOptions(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	client, err := embeddingservice.NewClient(fanone.EmbeddingService, options...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestAModelInGoAnswersTheFrontAndNobodyElse(t *testing.T) {
	place := startModel(t)
	ask := func(caller, model string, file []byte) (*embedding.EmbedResp, error) {
		t.Helper()
		request := &embedding.EmbedReq{Picture: file, Model: model}
		return fanone.Answer(models(t, caller, place).Embed(context.Background(), request))
	}
	answer, err := ask(fanone.Front, "colours", picture(t))
	if err != nil || len(answer.Vector) != 48*4 || answer.Model != "colours" {
		t.Fatalf("%v %v", answer, err)
	}
	if _, err := ask(fanone.Front, "words", picture(t)); !errors.Is(err, fanone.NotFound) {
		t.Error(err)
	}
	if _, err := ask(fanone.Front, "colours", []byte("no picture")); !errors.Is(err, fanone.NotAPicture) {
		t.Error(err)
	}
	if _, err := ask(fanone.VideoService, "colours", picture(t)); !errors.Is(err, fanone.Forbidden) {
		t.Error(err)
	}
}
