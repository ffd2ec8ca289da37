"""Pods of the rendered manifests as real processes on this machine, started and stopped in the order of Kubernetes.

What is imitated, by `cluster.Cluster`, which plays API server, controllers, kubelet, DNS and kube-proxy at once:

- **Order.** Init containers run one after the other. A native sidecar (an init container with `restartPolicy: Always`)
  counts as started when its startup probe passes; then main containers start. When a pod is deleted it leaves its
  Services, while the preStop hooks of all containers run, sidecars' too. Main containers get SIGTERM after their own
  hook; a sidecar gets it when all main containers and the sidecars after it have ended. What is left after
  `terminationGracePeriodSeconds` is killed.
- **Containers.** A container is a process with exactly the environment of its manifest. When its first process ends,
  what it started is killed, as the end of a PID namespace does. One that ends is started again, at once the first time
  and then after 10, 20, 40 ... seconds. Its volumes are folders: an `emptyDir` goes with the pod, a claim stays.
- **Probes** of kinds httpGet, grpc, tcpSocket and exec, with their thresholds. `pace` makes their periods and
  `minReadySeconds` shorter, and nothing else; how long a failing probe takes to end a container stays as it is.
- **Addresses.** Each pod has one of its own in 127.0.0.0/8, so ports are those of the manifests. `0.0.0.0`, `127.0.0.1`
  and `localhost` in settings become the pod's. A headless Service is a name on a real DNS server (`dns.Names`), which
  answers with the pods that are ready; gRPC clients ask it themselves. For pods, each Service also is an address that
  passes connections on to a ready pod, as kube-proxy does (`service.Forwarder`).
- **Controllers.** A Deployment rolls with maxSurge 1 and maxUnavailable 0; a StatefulSet one by one from the highest
  ordinal, each pod under its name with its claims. At first all pods of a workload start at once.

What is not: images and their file systems (all containers run this checkout's Python; `runs` names a stand-in where an
image is not scorelens's), users and security contexts, limits of CPU and memory, size limits of volumes, network
policies, scheduling, several nodes, the delay between a pod's state and what other nodes know of it, and a network that
drops packets: a killed pod's kernel says so at once, a lost node's does not.
"""
