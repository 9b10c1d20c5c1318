-- The derived metrics of the page as DuckDB views over the recorded files. To use them, run in a data directory:
--
--   duckdb -init docs/queries.sql
--   SELECT * FROM derived_between('2025-12-30 16:00', '2025-12-30 16:05') WHERE container_name = 'payments';
--   SELECT * FROM derived WHERE series = 'node';
--
-- docs/data-directory.md has a query of the events; their series is that of the samples here.
--
-- derived_between(begin, finish) reads only the files of that time. The view derived reads everything that was ever
-- recorded, unless it is filtered by series, because DuckDB computes a window before it filters by any other column.
-- On a day of 35 containers, five minutes of one container cost half a second of processor time and 0.2 to 0.4 GB with
-- derived_between; with derived and a filter by name and time, they cost 6 s and 3 GB.
--
-- Files hold what the kernel counts; the formulas are here. They assume a sampling interval of 1 s. For another one,
-- change the 2500 below, which is 2.5 intervals in ms.

-- Times without a zone are taken, and all times are shown, in the zone of the session. All of fgm's are in UTC.
SET TimeZone = 'UTC';

CREATE OR REPLACE VIEW samples AS
SELECT
    *,
    epoch_ms("time") AS time_ms,
    epoch_ms("time") + coalesce(late_us / 1000, late_ms, 0) AS read_ms,
    CASE scope
        WHEN 'pod' THEN 'pod:' || pod_uid
        WHEN 'cgroup' THEN 'cgroup:' || cgroup
        WHEN 'node' THEN 'node'
        WHEN 'outside' THEN 'outside'
        ELSE coalesce(container_id, 'cgroup:' || cgroup)
    END AS series,
    -- The smallest limits on the way up, except the node's; the own ones in files that have only these.
    if(effective_cpu_limit_depth > 0, effective_cpu_limit_millicores, if(
        cpu_period_usec > 0, 1000 * cpu_quota_usec / cpu_period_usec, NULL
    )) AS cpu_limit_millicores,
    if(effective_memory_max_depth > 0, effective_memory_max, "memory.max") AS memory_limit_bytes
FROM (
    SELECT * FROM read_parquet(
        'dt=*/identifier=*/metrics-*.parquet', hive_partitioning = true,
        union_by_name = true -- files of earlier format versions have other columns
    )
    UNION ALL BY NAME
    SELECT -- columns that a data directory without files of some format version does not have
        NULL::DOUBLE AS late_ms, NULL::DOUBLE AS late_us,
        NULL::DOUBLE AS effective_cpu_limit_millicores, NULL::DOUBLE AS effective_cpu_limit_depth,
        NULL::DOUBLE AS effective_memory_max, NULL::DOUBLE AS effective_memory_max_depth,
        NULL::DOUBLE AS "tcp.retrans_segs", NULL::DOUBLE AS "tcp.out_segs"
    WHERE false
);

-- Growth of a counter per second since the value before; null for the first value, after a gap, and if it started over.
-- Counters that are read every 10 s need a longer gap: rate("tcp.retrans_segs", gap_ms := 25000).
CREATE OR REPLACE MACRO rate(counter, gap_ms := 2500) AS
    CASE
        WHEN counter >= lag(counter IGNORE NULLS) OVER (PARTITION BY series ORDER BY time_ms)
            AND time_ms - lag(if(counter IS NULL, NULL, time_ms) IGNORE NULLS) OVER (PARTITION BY series ORDER BY time_ms)
                <= gap_ms
            AND read_ms > lag(if(counter IS NULL, NULL, read_ms) IGNORE NULLS) OVER (PARTITION BY series ORDER BY time_ms)
        THEN 1000::DOUBLE * (counter - lag(counter IGNORE NULLS) OVER (PARTITION BY series ORDER BY time_ms))
            / (read_ms - lag(if(counter IS NULL, NULL, read_ms) IGNORE NULLS) OVER (PARTITION BY series ORDER BY time_ms))
    END;

-- A share; null if the whole is not above 0.
CREATE OR REPLACE MACRO share(part, whole) AS if(whole > 0, part / whole, NULL);

-- Memory without the page cache that is reclaimed first, never below 0; null if one of the two is null.
CREATE OR REPLACE MACRO working_set(current_bytes, inactive_file_bytes) AS
    if(current_bytes - inactive_file_bytes < 0, 0, current_bytes - inactive_file_bytes);

-- Processes killed by an OOM killer. If the kernel kills a group, it counts the first process twice.
CREATE OR REPLACE MACRO oom_processes(kills, group_kills) AS
    if(kills IS NULL, NULL, greatest(kills - coalesce(group_kills, 0), least(kills, coalesce(group_kills, 0))));

-- The derived metrics from one instant to another one, both included. The samples of the 25 s before are read, too,
-- for the rates of the first instant.
CREATE OR REPLACE MACRO derived_between(begin, finish) AS TABLE
SELECT *
FROM (
    SELECT
        "time", series, scope, namespace, pod_name, container_name, container_id, node_name,
        rate("cpu.stat.usage_usec") / 1000 AS total_cpu_usage_millicores,
        rate("cpu.stat.user_usec") / 1000 AS user_cpu_usage_millicores,
        rate("cpu.stat.system_usec") / 1000 AS system_cpu_usage_millicores,
        share(rate("cpu.stat.usage_usec") / 10, cpu_limit_millicores) AS total_cpu_percentage,
        cpu_limit_millicores,
        share(rate("cpu.stat.nr_throttled"), rate("cpu.stat.nr_periods")) AS throttle_ratio,
        rate("cpu.stat.throttled_usec") / 1000 AS throttled_ms_per_s,
        working_set("memory.current", "memory.stat.inactive_file") AS memory_working_set,
        memory_limit_bytes,
        share(working_set("memory.current", "memory.stat.inactive_file"), memory_limit_bytes) AS memory_limit_ratio,
        memory_limit_bytes - working_set("memory.current", "memory.stat.inactive_file") AS memory_headroom,
        oom_processes(rate("memory.events.oom_kill"), rate("memory.events.oom_group_kill")) AS oom_kills_per_s,
        rate("cpu.pressure.some.total") / 1e6 AS psi_cpu_some_ratio,
        rate("cpu.pressure.full.total") / 1e6 AS psi_cpu_full_ratio,
        rate("memory.pressure.some.total") / 1e6 AS psi_memory_some_ratio,
        rate("memory.pressure.full.total") / 1e6 AS psi_memory_full_ratio,
        rate("io.pressure.some.total") / 1e6 AS psi_io_some_ratio,
        rate("io.pressure.full.total") / 1e6 AS psi_io_full_ratio,
        rate("io.stat.rbytes") + rate("io.stat.wbytes") AS io_bytes_per_s,
        rate("io.stat.rbytes") AS io_read_bytes_per_s,
        rate("io.stat.wbytes") AS io_write_bytes_per_s,
        rate("io.stat.rios") AS io_read_iops,
        rate("io.stat.wios") AS io_write_iops,
        share(
            rate("tcp.retrans_segs", gap_ms := 25000),
            rate("tcp.retrans_segs", gap_ms := 25000) + rate("tcp.out_segs", gap_ms := 25000)
        ) AS tcp_retransmit_ratio
    FROM samples
    WHERE "time" BETWEEN begin::TIMESTAMPTZ - INTERVAL 25 SECONDS AND finish::TIMESTAMPTZ
)
WHERE "time" >= begin::TIMESTAMPTZ;

CREATE OR REPLACE VIEW derived AS SELECT * FROM derived_between('1970-01-01 00:00:00Z', '9999-01-01 00:00:00Z');
