#!/bin/sh
# tests/monitoring/monitoring.sh: what is shipped for Prometheus and Grafana: rules that hold to what they say, a
# paragraph of the runbook for each, and no metric that is not told.
set -eu
. tests/support/tap.sh

RULES=packaging/monitoring/clario.rules.yml
RUNBOOK=packaging/monitoring/runbook.md
DASHBOARD=packaging/monitoring/clario-dashboard.json

# Every name in the text on stdin that looks like a metric's.
names() {
	grep -oE 'clario_[a-z_]+' | sort -u
}

exposed() {
	sed -n 's/^\(clario_[a-z_]*\).*/\1/p' tests/golden/metrics.openmetrics | sort -u
}

only_exposed() {
	[ -s "$1" ] && names <"$1" | comm -23 - "$SCRATCH/exposed" >"$SCRATCH/unknown" && ! grep . "$SCRATCH/unknown"
}

alerts() {
	sed -n 's/^ *- alert: //p' "$RULES"
}

# Title and link: markdown's anchor is the title in small letters.
every_alert_has_its_paragraph() {
	for alert in $(alerts); do
		grep -qx "## $alert" "$RUNBOOK" || {
			echo "$alert is not in the runbook"
			return 1
		}
		anchor=$(echo "$alert" | tr '[:upper:]' '[:lower:]')
		grep -q "runbook: runbook.md#$anchor\$" "$RULES" || {
			echo "$alert does not name its paragraph"
			return 1
		}
	done
}

every_alert_has_a_test() {
	alerts | sort -u >"$SCRATCH/alerts"
	awk '/alertname:/ { name = $2 } /exp_labels/ { print name }' tests/monitoring/rules_test.yml | sort -u |
		diff "$SCRATCH/alerts" -
}

every_paragraph_has_its_alert() {
	sed -n 's/^## //p' "$RUNBOOK" | sort >"$SCRATCH/paragraphs"
	alerts | sort | diff - "$SCRATCH/paragraphs"
}

# Each panel has an expression, and each expression is one (Grafana's own variables filled in).
expressions_are_good() {
	jq -r '.panels[].targets[]?.expr' "$DASHBOARD" >"$SCRATCH/exprs"
	[ -s "$SCRATCH/exprs" ] || return 1
	{
		printf 'groups:\n- name: dashboard\n  rules:\n'
		# shellcheck disable=SC2016 # $ is Grafana's
		sed 's/\$__rate_interval/5m/g; s/"\$instance"/".*"/g' "$SCRATCH/exprs" | awk '
			{ gsub(/\047/, "\047\047"); print "  - record: dashboard:panel" NR ":expr\n    expr: \047" $0 "\047" }'
	} >"$SCRATCH/dashboard.rules.yml"
	promtool check rules "$SCRATCH/dashboard.rules.yml"
}

panels_are_told_apart() {
	jq -e '([.panels[].id] | length) == ([.panels[].id] | unique | length) and
		all(.panels[] | select(.type != "row"); (.targets | length) > 0 and .title != "")' "$DASHBOARD"
}

commands_of_the_runbook_exist() {
	grep -oE 'clario-spool\s+[a-z]+' "$RUNBOOK" | awk '{ print $2 }' | sort -u >"$SCRATCH/used"
	[ -s "$SCRATCH/used" ] || return 1
	while read -r command; do
		"${B:-build}/clario-spool" help "$command" >/dev/null || [ "$command" = token ] || return 1
	done <"$SCRATCH/used"
}

exposed >"$SCRATCH/exposed"
check "promtool finds nothing in the exposition" sh -c 'promtool check metrics <tests/golden/metrics.txt'
check "promtool takes the rules" promtool check rules "$RULES"
check "each alert is told when it should be, and only then" promtool test rules tests/monitoring/rules_test.yml
check "each alert is tested for being told" every_alert_has_a_test
check "each alert has a paragraph in the runbook" every_alert_has_its_paragraph
check "each paragraph has an alert" every_paragraph_has_its_alert
check "the runbook's commands exist" commands_of_the_runbook_exist
check "the rules' metrics are told" only_exposed "$RULES"
check "the dashboard's metrics are told" only_exposed "$DASHBOARD"
check "the dashboard's expressions are good" expressions_are_good
check "the dashboard's panels are told apart, and none is empty" panels_are_told_apart
done_testing
