// A WebSocket broadcast with nothing around it: accepts connections, answers each upgrade, and writes one
// frame to each socket in turn. The measure of what the kernel takes.
//
// Prints its port. Reads commands from standard input, a line each: "RUN <milliseconds> <interval ms>" is
// answered with "<deliveries> <CPU nanoseconds>". The argument is the size of a message.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

static int64_t nanos(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void accept_client(int listener, std::vector<int>& clients) {
  int client = accept(listener, nullptr, nullptr);
  if (client < 0) return;
  std::string head;
  char chunk[2048];
  while (head.find("\r\n\r\n") == std::string::npos) {
    ssize_t count = read(client, chunk, sizeof chunk);
    if (count <= 0) {
      close(client);
      return;
    }
    head.append(chunk, size_t(count));
  }
  const char answer[] =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  if (write(client, answer, sizeof answer - 1) > 0) clients.push_back(client);
}

int main(int count, char** arguments) {
  size_t message_bytes = count > 1 ? size_t(std::atoi(arguments[1])) : 200;
  std::vector<unsigned char> frame = {0x82};
  if (message_bytes < 126) {
    frame.push_back(static_cast<unsigned char>(message_bytes));
  } else {
    frame.push_back(126);
    frame.push_back(static_cast<unsigned char>(message_bytes >> 8));
    frame.push_back(static_cast<unsigned char>(message_bytes & 255));
  }
  frame.resize(frame.size() + message_bytes, 0x5a);

  int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener, 4096) != 0) return 1;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);

  std::vector<int> clients;
  std::string input;
  for (;;) {
    pollfd waiting[2] = {{STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) return 1;
    if (waiting[1].revents & POLLIN) accept_client(listener, clients);
    if (waiting[0].revents == 0) continue;
    char chunk[256];
    ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
    if (got <= 0) return 0;
    input.append(chunk, size_t(got));
    size_t end = input.find('\n');
    if (end == std::string::npos) continue;
    long long run_ms = 0, interval_ms = 0;
    std::sscanf(input.c_str(), "RUN %lld %lld", &run_ms, &interval_ms);
    input.erase(0, end + 1);

    int64_t cpu_before = nanos(CLOCK_PROCESS_CPUTIME_ID);
    int64_t stop = nanos(CLOCK_MONOTONIC) + run_ms * 1000000;
    long long deliveries = 0;
    while (nanos(CLOCK_MONOTONIC) < stop) {
      int64_t next = nanos(CLOCK_MONOTONIC) + interval_ms * 1000000;
      for (int client : clients) {
        if (write(client, frame.data(), frame.size()) > 0) deliveries += 1;
      }
      int64_t rest = next - nanos(CLOCK_MONOTONIC);
      if (rest > 0) {
        timespec pause = {rest / 1000000000, rest % 1000000000};
        nanosleep(&pause, nullptr);
      }
    }
    std::printf("%lld %lld\n", deliveries, (long long)(nanos(CLOCK_PROCESS_CPUTIME_ID) - cpu_before));
    std::fflush(stdout);
  }
}
