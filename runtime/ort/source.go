package ort

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/kdonnx/kdonnx/internal/fault"
)

// The pinned artefacts of version Pinned. An empty digest means that there is
// no artefact for the machine.
var (
	officialArchive = map[string]struct{ url, sha256 string }{
		"amd64": {
			"https://github.com/microsoft/onnxruntime/releases/download/v1.29.0/onnxruntime-linux-x64-1.29.0.tgz",
			"c3fddc4f139a045b0c4902c57410f0694f1c2fdf9b6939fbe38b1aeae7cd14ba",
		},
	}
	npmPackage   = "onnxruntime-node@1.29.0"
	npmTarball   = "onnxruntime-node-1.29.0.tgz"
	npmIntegrity = "WjiVVB72riILz8HbYvxvmjKyE/WmkYoSfKY++axo5jAR609HQg8MwiG/HhShpTcJfmmAdzxxmB+MMST3A+SiPA=="
	npmLibrary   = map[string]struct{ entry, sha256 string }{
		"amd64": {
			"package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
			"89688f5cf51c7e31befbb7b9101bc027799009b18d1baa9a5b1146a72e69538d",
		},
		"arm64": {
			"package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
			"a27d21126db312aa8f02f3d5eaebe466e991f51f469882e6d0407d5a8b64afda",
		},
	}
)

const (
	maxDownload    = 1 << 30 // bytes of an archive
	connectTimeout = 4 * time.Second
	stallTimeout   = 30 * time.Second // without a byte
)

// fetch stages a checked library in stage and says where it came from.
func fetch(ctx context.Context, o InstallOptions, stage string) (Library, string, error) {
	if o.From != "" {
		return fromNamed(ctx, o, stage)
	}
	lib, err := fromOfficial(ctx, o.Log, stage)
	if err == nil {
		return lib, "official release archive", nil
	}
	if ctx.Err() != nil {
		return Library{}, "", err
	}
	o.Log("official release archive: " + err.Error())
	lib, npmErr := fromNPM(ctx, o.Log, stage)
	if npmErr == nil {
		return lib, "npm package " + npmPackage, nil
	}
	kind := fault.KindOf(npmErr)
	if fault.KindOf(err) == fault.Integrity {
		kind = fault.Integrity
	}
	return Library{}, "", fault.New(kind, libraryNames[0], "", "no source gave it: official release archive: %v; npm client: %v; "+
		"get it by hand and run: kdonnx runtime install --from FILE", err, npmErr)
}

// fromNamed takes the file, archive or URL that the caller named.
func fromNamed(ctx context.Context, o InstallOptions, stage string) (Library, string, error) {
	path, origin := o.From, o.From
	if strings.HasPrefix(path, "https://") || strings.HasPrefix(path, "http://") {
		if u, err := url.Parse(path); err == nil { // secrets stay out of log, errors and manifest
			u.User, u.RawQuery = nil, ""
			origin = u.String()
		}
		o.Log("downloading " + origin)
		path = filepath.Join(stage, "download")
		if _, err := download(ctx, o.From, path, sha256.New()); err != nil {
			return Library{}, "", renamed(err, o.From, origin)
		}
	}
	lib, err := unpack(path, filepath.Join(stage, libraryNames[0]), "")
	if err != nil {
		return Library{}, "", renamed(err, path, origin)
	}
	return lib, origin, nil
}

// renamed makes a fault about a staged download speak of its source.
func renamed(err error, path, name string) error {
	var f *fault.Error
	if path != name && errors.As(err, &f) && f.Path == path {
		return fault.New(f.Kind, name, f.Field, "%s", f.Msg)
	}
	return err
}

// fromOfficial downloads the release archive of the project.
func fromOfficial(ctx context.Context, log func(string), stage string) (Library, error) {
	a, ok := officialArchive[runtime.GOARCH]
	if !ok {
		return Library{}, fault.New(fault.IO, "", "", "no pinned archive for %s", runtime.GOARCH)
	}
	log("downloading " + a.url)
	path := filepath.Join(stage, "official.tgz")
	sum, err := download(ctx, a.url, path, sha256.New())
	if err != nil {
		return Library{}, err
	}
	if found := hex.EncodeToString(sum); found != a.sha256 {
		return Library{}, fault.New(fault.Integrity, a.url, "sha256", "found %s, wanted %s", found, a.sha256)
	}
	return unpack(path, filepath.Join(stage, libraryNames[0]), "")
}

// fromNPM lets the npm client fetch the package that holds the library.
func fromNPM(ctx context.Context, log func(string), stage string) (Library, error) {
	want, ok := npmLibrary[runtime.GOARCH]
	if !ok {
		return Library{}, fault.New(fault.IO, "", "", "no pinned package for %s", runtime.GOARCH)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return Library{}, fault.New(fault.IO, "npm", "", "the client is not installed")
	}
	log("fetching " + npmPackage + " through the npm client")
	cmd := exec.CommandContext(ctx, npm, "pack", npmPackage, "--ignore-scripts", "--silent", "--pack-destination", stage)
	cmd.Dir = stage
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return Library{}, fault.New(fault.IO, "npm", "pack "+npmPackage, "%v: %s", err, cleanText(string(out)))
	}
	path := filepath.Join(stage, npmTarball)
	sum, err := hashFile(path, sha512.New())
	if err != nil {
		return Library{}, err
	}
	if found := base64.StdEncoding.EncodeToString(sum); found != npmIntegrity {
		return Library{}, fault.New(fault.Integrity, npmTarball, "sha512", "found %s, wanted %s", found, npmIntegrity)
	}
	lib, err := unpack(path, filepath.Join(stage, libraryNames[0]), want.entry)
	if err != nil {
		return Library{}, err
	}
	if lib.Digest != want.sha256 {
		return Library{}, fault.New(fault.Integrity, want.entry, "sha256", "found %s, wanted %s", lib.Digest, want.sha256)
	}
	return lib, nil
}

// download writes what the URL from gives into path and returns h's sum of it. It
// gives up quickly when nobody answers and when the flow stalls.
func download(ctx context.Context, from, path string, h hash.Hash) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	client := &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: 2 * connectTimeout,
		ForceAttemptHTTP2:     true,
	}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, fault.New(fault.Usage, from, "", "not a URL")
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fault.New(fault.IO, from, "", "cannot be downloaded: %w", innermost(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fault.New(fault.IO, from, "", "cannot be downloaded: the server answered %s", resp.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot be created: %s", reason(err))
	}
	defer f.Close()
	stall := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("no data for %v", stallTimeout)) })
	defer stall.Stop()
	body := readerFunc(func(p []byte) (int, error) {
		stall.Reset(stallTimeout)
		return resp.Body.Read(p)
	})
	n, err := io.Copy(io.MultiWriter(f, h), io.LimitReader(body, maxDownload+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fault.New(fault.IO, from, "", "download stopped: %w", context.Cause(ctx))
	case err != nil:
		return nil, fault.New(fault.IO, from, "", "download broke off after %d bytes: %w", n, innermost(err))
	case n > maxDownload:
		return nil, fault.New(fault.Integrity, from, "", "larger than %d bytes", maxDownload)
	}
	if err := f.Close(); err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot be written: %s", reason(err))
	}
	return h.Sum(nil), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// innermost drops the layers of a network error that repeat the URL.
func innermost(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	for u := errors.Unwrap(err); u != nil; u = errors.Unwrap(err) {
		err = u
	}
	return err
}

// hashFile returns h's sum of the file at path.
func hashFile(path string, h hash.Hash) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot be read: %s", reason(err))
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return nil, fault.New(fault.IO, path, "", "cannot be read: %s", reason(err))
	}
	return h.Sum(nil), nil
}
