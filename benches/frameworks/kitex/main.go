// One hop in Hertz and Kitex: `hop-kitex service ADDRESS` and `hop-kitex front ADDRESS SERVICE`.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/cloudwego/kitex/pkg/klog"
)

func main() {
	hlog.SetLevel(hlog.LevelWarn)
	klog.SetLevel(klog.LevelWarn)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "service":
		return serve(arguments[1])
	case len(arguments) == 3 && arguments[0] == "front":
		return front(arguments[1], arguments[2])
	default:
		return fmt.Errorf("usage: %s service ADDRESS | front ADDRESS SERVICE", os.Args[0])
	}
}
