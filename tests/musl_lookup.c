/* Looks up a name as a static program with musl's C library does: prints its IPv4 addresses. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

int main(int argc, char **argv) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found, *one;
    int error = argc == 2 ? getaddrinfo(argv[1], NULL, &hints, &found) : EAI_NONAME;
    if (error) {
        puts(gai_strerror(error));
        return 1;
    }
    for (one = found; one; one = one->ai_next) {
        char text[INET_ADDRSTRLEN];
        if (one->ai_family == AF_INET)
            puts(inet_ntop(AF_INET, &((struct sockaddr_in *)one->ai_addr)->sin_addr, text, sizeof text));
    }
    return 0;
}
