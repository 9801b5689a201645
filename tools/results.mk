# What came of runs, for people and for other programs. LOGS names the logs; docs/results.md tells more.

# Those that the last `make check` left, and that of the last `make run` or `make run-bochs`.
LOGS ?= $(wildcard $(BUILD)/families/*.log $(BUILD)/run.log)

need_logs = $(Q)[ -n '$(strip $(LOGS))' ] || \
    { echo 'No logs in $(BUILD): `make run` and `make check` leave some; or name them: make $@ LOGS=...' >&2; exit 1; }

report: ## write BUILD/report.html, a page about the last `make check` and the last run, or about LOGS
	$(need_logs)
	$(Q)mkdir -p '$(BUILD)'
	$(Q)tools/report $(if $(wildcard $(BUILD)/bench.json),--bench '$(BUILD)/bench.json') $(LOGS) \
	    >'$(BUILD)/report.new'; [ $$? -le 1 ] || { rm -f '$(BUILD)/report.new'; exit 1; }
	$(Q)mv '$(BUILD)/report.new' '$(BUILD)/report.html'
	@echo 'Open $(abspath $(BUILD)/report.html)'

compare: ## print the rows in which platforms differ: those of the last `make check`, or LOGS
	$(need_logs)
	$(Q)tools/compare $(LOGS) || [ $$? -eq 1 ]

families: ## print what came of each family of feature tests in the last `make check`, as tables
	$(Q)[ -d '$(BUILD)/families' ] || { echo 'No logs in $(BUILD)/families: `make check` leaves them there.' >&2; exit 1; }
	$(Q)tools/families $(BUILD)/families/*.log
	$(Q)tools/families --rules $(BUILD)/families/*.log

.PHONY: report compare families
