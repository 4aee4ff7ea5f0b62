// A success through go-resiliency's breaker, at one and at two threads. Prints lines of
// breaker, language, threads, best and median in nanoseconds of a call as each thread sees it.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"time"

	"gopkg.in/eapache/go-resiliency.v1/breaker"
)

const (
	slices = 40
	calls  = 20_000
)

func dependency() error { return nil }

// Each of so many threads makes the calls of one slice; all begin together.
func slice(threads int, call func()) []float64 {
	var ready, done sync.WaitGroup
	ready.Add(threads)
	done.Add(threads)
	took := make([]float64, threads)
	for i := range took {
		go func(i int) {
			runtime.LockOSThread()
			ready.Done()
			ready.Wait()
			began := time.Now()
			for n := 0; n < calls; n++ {
				call()
			}
			took[i] = float64(time.Since(began).Nanoseconds()) / calls
			done.Done()
		}(i)
	}
	done.Wait()
	return took
}

func main() {
	guard := breaker.New(5, 2, 30*time.Second)
	through := func() {
		if err := guard.Run(dependency); err != nil {
			panic(err)
		}
	}
	bare := func() {
		if err := dependency(); err != nil {
			panic(err)
		}
	}
	sides := []struct {
		name string
		call func()
	}{{"the bare call", bare}, {"go-resiliency " + os.Args[1], through}}
	for _, threads := range []int{1, 2} {
		all := make([][]float64, len(sides))
		slice(threads, through)
		for n := 0; n < slices; n++ {
			for i, side := range sides {
				all[i] = append(all[i], slice(threads, side.call)...)
			}
		}
		for i, side := range sides {
			sort.Float64s(all[i])
			fmt.Printf("%s\t%s\t%d\t%.1f\t%.1f\n", side.name, runtime.Version(), threads, all[i][0], all[i][len(all[i])/2])
		}
	}
}
