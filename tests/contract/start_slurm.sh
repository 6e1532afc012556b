#!/usr/bin/env bash
# Starts a one-node Slurm for the executor tests and prints the path of its slurm.conf; safe to run again.
# Usage: export JOULEWISE_TEST_SLURM="$(tests/contract/start_slurm.sh)"; tests/contract/start_slurm.sh stop ends it.
# Needs no systemd and no cgroups; all its files lie in one scratch folder, and another Slurm here is left alone.
set -euo pipefail

folder=${SLURM_SCRATCH:-/tmp/joulewise-slurm-$(id -u)}
conf=$folder/slurm.conf
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
export PATH=$PATH:/usr/sbin:/sbin

alive() { # alive NAME: our daemon of that name runs, and no other process has taken its number
  local pid
  pid=$(cat "$folder/$1.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] &&
    ! grep -q '^State:.*Z' "/proc/$pid/status"
}
await() { # await WHAT COMMAND...: up to 20 s
  local what=$1
  shift
  for _ in $(seq 100); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "Slurm: $what does not answer; see $folder/*.log" >&2
  tail -n 5 "$folder"/*.log >&2 || true
  return 1
}

if [ "${1:-}" = stop ]; then
  for daemon in slurmd slurmctld munged; do
    if alive "$daemon"; then as_root kill "$(cat "$folder/$daemon.pid")"; fi
  done
  exit
fi

if ! command -v slurmctld slurmd sbatch munged >/dev/null; then
  as_root apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    slurmctld slurmd slurm-client munge >&2
fi

mkdir -p "$folder"
chmod 755 "$folder"
[ -s "$folder/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")

free_port() { # free_port FIRST: a port that nobody listens on
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

if ! alive slurmctld || [ ! -s "$conf" ]; then # a start from nothing: jobs of another time must not come back
  if alive slurmd; then as_root kill "$(cat "$folder/slurmd.pid")"; fi
  as_root rm -rf "$folder/ctld" "$folder/slurmd"
  mkdir -p "$folder/ctld" "$folder/slurmd"
  host=$(hostname -s)
  # More CPUs than there are, so that tests side by side do not wait for one another.
  cat >"$conf.new" <<CONF
ClusterName=joulewise
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port 16817)
SlurmdPort=$(free_port 16818)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/ctld
SlurmdSpoolDir=$folder/slurmd
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=100000,bf_interval=1
KillWait=5
MinJobAge=60
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=16 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE OverSubscribe=NO State=UP
CONF
  mv "$conf.new" "$conf"
fi
export SLURM_CONF=$conf

# A plain start: each daemon goes to the background by itself and writes its own pid file.
alive munged || as_root munged --force --num-threads=2 --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
  --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munged.seed" >&2
await munged munge -S "$folder/munge.socket" -n
alive slurmctld || as_root slurmctld -f "$conf" >&2
await slurmctld scontrol ping
alive slurmd || as_root slurmd -f "$conf" >&2
ready() { sinfo --noheader --format=%t | grep -Eq '^(idle|mix|alloc)$'; }
await "the node" ready
echo "$conf"
