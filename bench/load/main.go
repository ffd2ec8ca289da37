// Command load is both ends of the relay's benchmark: a gRPC server that always answers the same, and callers.
//
//	load serve ADDRESS FILE
//	load call [-traced] [-full] ADDRESS CALLERS CONNECTIONS SECONDS FILE
//	load codes ADDRESS METHOD REQUEST [METHOD REQUEST ...]
//
// Files hold the message to answer with, and the one to call with. `call` prints one JSON line: calls, seconds, and the
// 50th and 99th percentile of latency in microseconds; with -traced each call has a deadline and a traceparent of its
// own, with -full it asks for calculations. `codes` makes calls one after the other, their requests in hexadecimal digits, and prints one JSON line: their
// status codes, and how many connections were made for them.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// raw passes messages as bytes, so that both ends cost as little as possible.
type raw struct{}

func (raw) Name() string                  { return "proto" }
func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

const method = "/scorelens.v1.Scorer/Score"

func serve(address, file string) {
	answer, err := os.ReadFile(file)
	check(err)
	listener, err := net.Listen("tcp", address)
	check(err)
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		return stream.SendMsg(&answer)
	}))
	fmt.Println(listener.Addr())
	check(server.Serve(listener))
}

// contextOf gives a call what callers send that ask for calculations, and that are traced and do not wait forever.
func contextOf(traced, full bool) (context.Context, context.CancelFunc) {
	ctx := context.Background()
	if full {
		ctx = metadata.AppendToOutgoingContext(ctx, "scorelens-view", "full")
	}
	if !traced {
		return ctx, func() {}
	}
	ids := make([]byte, 24)
	_, err := rand.Read(ids)
	check(err)
	parent := fmt.Sprintf("00-%x-%x-01", ids[:16], ids[16:])
	ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", parent)
	return context.WithTimeout(ctx, 10*time.Second)
}

func call(address string, callers, connections int, seconds float64, file string, traced, full bool) {
	request, err := os.ReadFile(file)
	check(err)

	channels := make([]*grpc.ClientConn, connections)
	for i := range channels {
		channel, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
		check(err)
		channels[i] = channel
	}
	start := time.Now()
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	taken := make([][]float64, callers)
	var group sync.WaitGroup
	for i := range taken {
		group.Add(1)
		go func() {
			defer group.Done()
			for before := time.Now(); before.Before(end); before = time.Now() {
				var answer []byte
				ctx, cancel := contextOf(traced, full)
				check(channels[i%connections].Invoke(ctx, method, &request, &answer))
				cancel()
				taken[i] = append(taken[i], float64(time.Since(before).Microseconds()))
			}
		}()
	}
	group.Wait()
	var all []float64
	for _, some := range taken {
		all = append(all, some...)
	}
	sort.Float64s(all)
	check(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"calls": float64(len(all)), "seconds": time.Since(start).Seconds(),
		"p50_us": all[len(all)/2], "p99_us": all[len(all)*99/100],
	}))
}

func codes(address string, calls []string) {
	dials := 0
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	channel, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})), grpc.WithContextDialer(dial))
	check(err)
	found := []uint32{}
	for ; len(calls) > 1; calls = calls[2:] {
		request, err := hex.DecodeString(calls[1])
		check(err)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		var answer []byte
		found = append(found, uint32(status.Code(channel.Invoke(ctx, calls[0], &request, &answer))))
		cancel()
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"codes": found, "connections": dials}))
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	args := os.Args[1:]
	flags := map[string]bool{}
	for len(args) > 1 && args[0] == "call" && strings.HasPrefix(args[1], "-") {
		flags[args[1]] = true
		args = append(args[:1], args[2:]...)
	}
	switch {
	case len(args) == 3 && args[0] == "serve":
		serve(args[1], args[2])
	case len(args) == 6 && args[0] == "call":
		seconds, err := strconv.ParseFloat(args[4], 64)
		check(err)
		call(args[1], number(args[2]), number(args[3]), seconds, args[5], flags["-traced"], flags["-full"])
	case len(args) >= 4 && args[0] == "codes":
		codes(args[1], args[2:])
	default:
		fmt.Fprintln(os.Stderr, "usage: load serve ADDRESS FILE"+
			" | load call [-traced] [-full] ADDRESS CALLERS CONNECTIONS SECONDS FILE | load codes ADDRESS METHOD REQUEST ...")
		os.Exit(2)
	}
}
