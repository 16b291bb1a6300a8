package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/crypto/keys"
	"github.com/google/trillian/crypto/keys/der"
	"github.com/google/trillian/crypto/keyspb"
	"github.com/google/trillian/extension"
	tlog "github.com/google/trillian/log"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
	"k8s.io/klog/v2"
)

// registerKeys makes private keys readable for the front ends, and silences the servers'
// own messages. Both are global, so once.
var registerKeys = sync.OnceFunc(func() {
	keys.RegisterHandler(&keyspb.PrivateKey{}, der.FromProto)
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
})

// maxMessage bounds an RPC message: a page of entries with their chains.
const maxMessage = 256 << 20

// backend is a Trillian log server and signer with one tree, in memory.
type backend struct {
	client trillian.TrillianLogClient
	tree   *trillian.Tree
	stop   func()
}

// startTrillian starts the server and makes its tree. The signer merges what was queued
// every interval, and signs a new head of an unchanged tree every refresh of its clock.
func startTrillian(ctx context.Context, c *Clock, interval, refresh time.Duration) (*backend, error) {
	registerKeys()
	trees := memory.NewTreeStorage()
	registry := extension.Registry{
		AdminStorage: memory.NewAdminStorage(trees), LogStorage: memory.NewLogStorage(trees, monitoring.InertMetricFactory{}),
		QuotaManager: quota.Noop(), MetricFactory: monitoring.InertMetricFactory{},
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(interceptor.ErrorWrapper), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	trillian.RegisterTrillianAdminServer(s, admin.New(registry, nil))
	trillian.RegisterTrillianLogServer(s, server.NewTrillianLogRPCServer(registry, c))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = s.Serve(listener) }() // ends with Stop
	ctx, cancel := context.WithCancel(ctx)
	signer := tlog.NewOperationManager(tlog.OperationInfo{Registry: registry, BatchSize: 2000, NumWorkers: 1, RunInterval: interval, TimeSource: c},
		tlog.NewSequencerManager(registry, 0))
	var running sync.WaitGroup
	running.Go(func() { signer.OperationLoop(ctx) })
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		cancel()
		return nil, err
	}
	b := &backend{client: trillian.NewTrillianLogClient(conn), stop: func() {
		cancel()
		running.Wait()
		_ = conn.Close()
		s.Stop()
	}}
	b.tree, err = trillian.NewTrillianAdminClient(conn).CreateTree(ctx, &trillian.CreateTreeRequest{Tree: &trillian.Tree{
		TreeState: trillian.TreeState_ACTIVE, TreeType: trillian.TreeType_LOG, MaxRootDuration: durationpb.New(refresh)}})
	if err == nil {
		err = initTree(ctx, b)
	}
	if err != nil {
		b.stop()
		return nil, fmt.Errorf("making a Trillian tree: %w", err)
	}
	return b, nil
}

// initTree repeats InitLog until the tree, which was made a moment ago, is there.
func initTree(ctx context.Context, b *backend) error {
	var errs error
	for range 20 {
		_, err := b.client.InitLog(ctx, &trillian.InitLogRequest{LogId: b.tree.TreeId})
		if err == nil {
			return nil
		}
		errs = errors.Join(errs, err)
		time.Sleep(50 * time.Millisecond)
	}
	return errs
}
