module selfaudit/bench/certspotter

go 1.26.0

require software.sslmate.com/src/certspotter v0.24.2
