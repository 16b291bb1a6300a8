package main

import (
	"selfaudit/internal/config"
	"selfaudit/sampler/ct"
)

// operatedByCA are the logs that the CA operates itself: what they say of the time before
// the chain takes no item out (draw protocol 3.1).
func operatedByCA(logs []config.Log) map[ct.LogID]bool {
	own := map[ct.LogID]bool{}
	for _, l := range logs {
		if l.OperatedByCA {
			own[ct.LogIDOf(l.PublicKey)] = true
		}
	}
	return own
}
