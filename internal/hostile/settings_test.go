package hostile

import "strings"

// settingRows are F-68 and F-69: numbers, lists and files of settings that are
// none, of the commands that search, recalibrate and report. Nothing has run
// when they are refused.
func settingRows() (rows []row) {
	flags := func(command, cases string) {
		for line := range strings.SplitSeq(strings.TrimSpace(cases), "\n") {
			args, says, _ := strings.Cut(strings.TrimSpace(line), " => ")
			name, _, _ := strings.Cut(command, " ")
			rows = append(rows, row{id: "F-68", name: name + " " + args, args: command + " " + args, file: "kdonnx:", exit: []int{64}, says: says})
		}
	}
	flags("sweep --teacher good.onnx --train rows.csv --epochs 1 -o out/sweep", `
		--temperature 0,1 => --temperature: got 0
		--temperature nan,1 => --temperature: got "nan"
		--temperature 1,inf => --temperature: got "inf"
		--temperature 1,1 => got "1" twice
		--temperature 1,,2 => got "", expected values
		--temperature 4..1 => got "4\.\.1", expected a range
		--temperature 1..2 => --cells: missing
		--temperature 1..1e308 --cells 3 => number in \[0\.01, 1000\]
		--temperature 1,2 --cells 99999999 => --cells: got 99999999
		--temperature 1,2 --seeds 1001 => --seeds: got 1001
		--temperature 1,2 --method halving --eta 1 => --eta: got 1
		--temperature 1,2 --method halving --first-epochs 9 => --first-epochs: got 9
		--temperature 1,2 --method best => --method: got "best"
		--temperature 1,2 --hold-out nan => --hold-out: got NaN
		--temperature 1,2 --parallel -1 => --parallel: got -1
		--temperature 1,2 --shards 2 --shard-index 2 => --shard-index: got 2
		--vary train.seed=1,2 => train\.seed cannot vary
		--vary nope=1,2 => got "nope"
		--student mlp:99999999999;mlp:2 => has size "99999999999"`)
	flags("distill --teacher good.onnx --train rows.csv --student linear --epochs 1 --no-baseline -o out/new.onnx", `
		--teacher-mode x => --teacher-mode: got "x"
		--teacher-mode views:0 --augment noise=0.1 => N from 1 to 1000
		--teacher-mode views:1001 --augment noise=0.1 => N from 1 to 1000
		--teacher-mode online => got online without --augment
		--synthetic -1 => --synthetic: got -1
		--synthetic 999999999999 => number from 0 to 134217728
		--synthetic 10 --synthesis smote => got "smote"
		--synthetic 10 --synthesis noise=nan => noise=DEVIATION
		--budget-params 0 => --budget-params: got "0"
		--budget-params 99999999999999999999 => --budget-params: got
		--budget-bytes 1kkB => --budget-bytes: got "1kkB"
		--budget-latency 1ns => --budget-latency: got 1ns
		--budget-latency -5s => --budget-latency: got -5s
		--budget-flops nan => --budget-flops: got "nan"
		--without x --only y => both --without and --only
		--hint x => --hint: got "x"
		--hint h=logits --hint-weight nan => --hint-weight: got NaN
		--seeds 0 => --seeds: got 0
		--seeds -1 => --seeds: got -1
		--temperature-schedule linear:nan => "nan" is not a number
		--alpha-schedule warmup:-1 => "-1" is not a length`)
	report := func(name string, exit int, says string, data string) {
		rows = append(rows, row{id: "F-69", name: "report: " + name, args: "report bad.json", exit: []int{exit}, says: says, make: func(d folder) { d.put("bad.json", []byte(data)) }})
	}
	report("an object without keys", 3, `neither teacher nor baseline nor student`, "{}")
	report("JSON that ends early", 3, `ends early`, "[1")
	report("20,000 objects deep", 3, `exceeded max depth`, strings.Repeat(`{"a":`, 20_000))
	report("values of no seeds", 3, `seeds\.seeds: got 0 seeds, expected at least 2`, `{"student":{"n":1,"labelled":1,"accuracy":1},"seeds":{"seeds":[],"student":{"errors":{"values":[1]}}}}`)
	rows = append(rows, row{id: "F-69", name: "report: a pipe", args: "report bad.json", exit: []int{4}, says: `device or pipe`, make: func(d folder) { mkfifo(d.at("bad.json")) }})
	return rows
}
