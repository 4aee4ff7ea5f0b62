# Minutes beside their budget: awk -f ci/budget.awk BUDGET TOOK, where a line of TOOK is a job and its seconds.
# It fails if the budget is more than 50 minutes or has other jobs than those that ran, and if they took more than 90.

/^#/ { next }
NR == FNR { budget[$1] = $2; whole += $2; next }
FNR == 1 { printf "%-18s %8s %8s\n", "job", "minutes", "budget" }
{
  minutes = $2 / 60
  total += minutes
  if (!($1 in budget)) { mark = "  NOT IN THE BUDGET"; bad = 1 }
  else if (minutes > budget[$1]) mark = "  over"
  else mark = ""
  printf "%-18s %8.1f %8.1f%s\n", $1, minutes, budget[$1], mark
  ran[$1]
}
END {
  printf "%-18s %8.1f %8.1f%s\n", "all", total, whole, total > whole ? "  over" : ""
  for (job in budget) if (!(job in ran)) { print job " is in the budget, and did not run"; bad = 1 }
  if (whole > 50) { print "the budget is more than 50 minutes"; bad = 1 }
  if (total > 90) { print "more than 90 minutes"; bad = 1 }
  exit bad
}
