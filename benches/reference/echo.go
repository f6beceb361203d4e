// Echo on Go's standard library: a goroutine per peer, 4 KiB in each, all on one thread at a time.
//
// Go sets TCP_NODELAY and the largest backlog by itself. SIGTERM ends it by default action.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
)

func echo(peer net.Conn) {
	defer peer.Close()
	buffer := make([]byte, 4096)
	for {
		length, err := peer.Read(buffer)
		if err != nil {
			return
		}
		if _, err := peer.Write(buffer[:length]); err != nil {
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	for {
		// A peer that has gone again is none of the server's errors.
		if peer, err := listener.Accept(); err == nil {
			go echo(peer)
		}
	}
}
