// Names and locations of series.

/** The key of a series' workload. All lives of one container share it, so that a restarted container keeps its colour and row. */
export function workload(series) {
  const { namespace, pod_name, container_name, container_id, pod_uid, runtime, id } = series;
  if (namespace && pod_name && container_name) return `${namespace}/${pod_name}/${container_name}`;
  // A container of Docker or Podman that is made again has another id and the same name.
  return container_name && container_id && runtime && !pod_uid ? `${runtime}/${pod_name ?? ""}/${container_name}` : id;
}

/** Whether a series was seen at a time or later. The last tick of one that runs is not known: the list is not loaded for it. */
export const wasSeenSince = ({ alive, last_seen_ms }, ms) => alive || last_seen_ms >= ms;

/** Where a series runs, as exactly as known, such as "namespace/pod". Replicas of one workload have different locations. */
export function locationOf(series) {
  if (series.scope === "node") return "whole node";
  if (series.scope === "outside") return "of all other rows";
  if (series.scope === "cgroup") return parentOf(series.cgroup ?? "") || series.cgroup || "cgroup";
  const pod = series.pod_name === series.name ? null : series.pod_name;
  const names = [series.namespace, pod].filter(Boolean);
  if (names.length > 0) return names.join("/");
  if (series.pod_uid) return `pod ${series.pod_uid.slice(0, 8)}`;
  return series.runtime ?? series.scope;
}

/** "name in location"; for a cgroup, the node or a process, only its name. */
export function fullName(series) {
  if (series.scope === "outside") return `${series.name} ${locationOf(series)}`;
  return ["node", "cgroup", "process"].includes(series.scope) ? series.name : `${series.name} in ${locationOf(series)}`;
}

/**
 * The group above a series (or the series itself) with so many names in its path: {kind: "own", "pod", "group" or "node", name,
 * path}. `depth`: null if it is not known, as in data of earlier versions; then the limit is its own. `podNames`: Map(path → name).
 */
export function groupAt(series, depth, podNames) {
  const names = (series.cgroup ?? "").split("/");
  if (depth === null || series.scope === "node" || depth >= names.length - 1) return { kind: "own", name: series.name, path: series.cgroup ?? series.id };
  if (depth === 0) return { kind: "node", name: "the node", path: "" };
  const path = names.slice(0, depth + 1).join("/");
  if (podNames.has(path) || (series.pod_uid && series.scope !== "pod" && depth === names.length - 2)) return { kind: "pod", name: podNames.get(path) ?? series.pod_name ?? "its pod", path };
  return { kind: "group", name: names[depth], path };
}

/** All known properties of a series for a tooltip, one per line. */
export function seriesDetails(series) {
  const lines = [
    ["name", series.name],
    ["container", series.container_name],
    ["pod", series.pod_name],
    ["namespace", series.namespace],
    ["pod UID", series.pod_uid],
    ["QoS class", series.qos_class],
    ["runtime", series.runtime],
    ["id", series.container_id ?? series.id],
    ["cgroup", series.cgroup],
  ];
  return lines.filter(([, value]) => value).map(([label, value]) => `${label}: ${value}`).join("\n");
}

const LEAF_SCOPES = new Set(["container", "cgroup", "pod", "outside"]);

/**
 * The series that contain no other series of the list, so that they add up: a slice would only repeat its services, and a pod
 * its containers. The viewer's /api/top ranks the same ones.
 */
export function leaves(all) {
  const candidates = all.filter(({ scope }) => LEAF_SCOPES.has(scope));
  const parents = new Set();
  const podsWithContainers = new Set();
  for (const { scope, cgroup, pod_uid } of candidates) {
    if (scope === "container") podsWithContainers.add(pod_uid);
    for (let path = parentOf(cgroup ?? ""); path && !parents.has(path); path = parentOf(path)) parents.add(path);
  }
  return candidates.filter(({ scope, cgroup, pod_uid }) => !parents.has(cgroup) && !(scope === "pod" && podsWithContainers.has(pod_uid)));
}

const parentOf = (path) => path.slice(0, Math.max(0, path.lastIndexOf("/")));
