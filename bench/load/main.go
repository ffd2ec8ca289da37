// Command load is both ends of the relay's benchmark: a gRPC server with an answer of fixed size, and callers.
//
//	load serve ADDRESS RESULT_BYTES CALCULATION_BYTES
//	load call ADDRESS CALLERS CONNECTIONS SECONDS
//	load codes ADDRESS METHOD REQUEST [METHOD REQUEST ...]
//
// `call` prints one JSON line: calls, seconds, and the 50th and 99th percentile of latency in microseconds. `codes`
// makes calls one after the other, their requests in hexadecimal digits, and prints one JSON line: their status codes,
// and how many connections were made for them.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
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

func field(number byte, size int) []byte {
	head := []byte{number<<3 | 2}
	for rest := size; ; rest >>= 7 {
		if rest < 128 {
			head = append(head, byte(rest))
			break
		}
		head = append(head, byte(rest)|128)
	}
	return append(head, make([]byte, size)...)
}

func serve(address string, results, calculations int) {
	answer := append(field(1, calculations), field(2, results)...)
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

func call(address string, callers, connections int, seconds float64) {
	channels := make([]*grpc.ClientConn, connections)
	for i := range channels {
		channel, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
		check(err)
		channels[i] = channel
	}
	request := field(1, 500)
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
				check(channels[i%connections].Invoke(context.Background(), method, &request, &answer))
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
	switch {
	case len(args) == 4 && args[0] == "serve":
		serve(args[1], number(args[2]), number(args[3]))
	case len(args) == 5 && args[0] == "call":
		seconds, err := strconv.ParseFloat(args[4], 64)
		check(err)
		call(args[1], number(args[2]), number(args[3]), seconds)
	case len(args) >= 4 && args[0] == "codes":
		codes(args[1], args[2:])
	default:
		fmt.Fprintln(os.Stderr, "usage: load serve ADDRESS RESULT_BYTES CALCULATION_BYTES"+
			" | load call ADDRESS CALLERS CONNECTIONS SECONDS | load codes ADDRESS METHOD REQUEST ...")
		os.Exit(2)
	}
}
