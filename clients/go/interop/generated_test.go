package interop

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The generated code is that of idl/ and of the Kitex in go.mod: made anew beside it, it is the same.
func TestTheGeneratedCodeIsFresh(t *testing.T) {
	folder := t.TempDir()
	module := filepath.Join(folder, "clients", "go")
	if err := os.MkdirAll(module, 0o755); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"../../../idl": folder, "../go.mod": module, "../go.sum": module, "../generate": module} {
		shell(t, "", "cp", "-r", from, to)
	}
	shell(t, module, "./generate")
	shell(t, "", "diff", "-r", "../kitex_gen", filepath.Join(module, "kitex_gen"))
}

func TestTheCodeIsFormatted(t *testing.T) {
	for _, folder := range []string{"../fanone", "../examples", "."} {
		err := filepath.WalkDir(folder, func(file string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(file) != ".go" {
				return err
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			formatted, err := format.Source(text)
			if !bytes.Equal(text, formatted) {
				t.Errorf("run gofmt -w %s", file)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func shell(t *testing.T, folder, program string, arguments ...string) {
	t.Helper()
	command := exec.Command(program, arguments...)
	command.Dir = folder
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\nrun clients/go/generate\n%.4000s", program, err, said)
	}
}
