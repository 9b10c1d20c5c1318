"""Every part of the node is below one chosen cgroup, and services have rows of their own."""

from fgm.collector.cgroups.services import at_most, divided_by, service_paths

ID = "ab" * 32
POD = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice"


def test_top_level_cgroups_and_services_are_chosen_and_units_without_processes_are_not() -> None:
    others = [
        *("/init.scope", "/system.slice", "/user.slice", "/dev-hugepages.mount"),
        *("/user.slice/user-0.slice", "/user.slice/user-0.slice/session-1.scope"),
        *("/system.slice/sshd.service", "/system.slice/boot.mount", "/system.slice/dbus.socket"),
        *("/system.slice/system-getty.slice", "/system.slice/system-getty.slice/getty@tty1.service"),
    ]

    assert service_paths(others, []) == [
        *("/init.scope", "/system.slice", "/system.slice/sshd.service", "/system.slice/system-getty.slice"),
        "/user.slice",
    ]


def test_a_slice_with_containers_is_divided_so_that_what_is_next_to_them_has_a_row() -> None:
    user = "/user.slice/user-1000.slice/user@1000.service"
    others = [
        *("/user.slice", "/user.slice/user-0.slice", "/user.slice/user-1000.slice", user),
        *(f"{user}/app.slice", f"{user}/app.slice/editor.scope", f"{user}/user.slice"),
    ]

    assert service_paths(others, divided_by([f"{user}/user.slice/libpod-{ID}.scope"], [])) == [
        *("/user.slice", "/user.slice/user-0.slice", "/user.slice/user-1000.slice", user),
        *(f"{user}/app.slice", f"{user}/user.slice"),
    ]


def test_the_slices_of_pods_are_chosen_but_nothing_inside_of_a_pod() -> None:
    others = ["/kubepods.slice", "/kubepods.slice/kubepods-burstable.slice", f"{POD}/vm", f"{POD}/crio-conmon.scope"]

    assert service_paths(others, divided_by([f"{POD}/crio-{ID}.scope"], [POD])) == others[:2]


def test_units_that_are_named_after_a_container_are_left_out_with_what_is_below_them() -> None:
    others = [f"/system.slice/crio-conmon-{ID}.scope", f"/libpod_parent/{ID}/conmon", "/libpod_parent"]

    assert service_paths(others, divided_by([f"/libpod_parent/{ID}/libpod-{ID}"], [])) == ["/libpod_parent"]


def test_of_too_many_services_those_that_are_recorded_already_stay_and_the_busiest_are_added() -> None:
    paths = ["/system.slice", *(f"/system.slice/{name}.service" for name in "abcd")]
    used = {path: float(i) for i, path in enumerate(paths)}

    assert at_most(paths, (), used.__getitem__, 3) == ["/system.slice", paths[3], paths[4]]
    assert at_most(paths, [paths[1]], used.__getitem__, 3) == ["/system.slice", paths[1], paths[4]]
    assert at_most(paths, (), used.__getitem__, 5) == paths


def test_the_cpu_time_of_services_is_not_read_if_none_can_be_added() -> None:
    paths = [f"/system.slice/{name}.service" for name in "abcd"]

    def not_read(path: str) -> float:
        raise AssertionError(path)

    assert at_most(paths, paths[:3], not_read, 3) == paths[:3]
    assert at_most(paths, [*paths[:2], "/system.slice/ended.service"], not_read, 2) == paths[:2]
