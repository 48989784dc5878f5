#pragma once

#include <lapidary/comm/communicator.hpp>

#include <memory>
#include <utility>

namespace lapidary {

/// A communicator whose kind is chosen when the program runs: what uses it is compiled once. It costs a virtual
/// call and an allocation an exchange.
class AnyCommunicator {
    struct AnyPending {
        virtual ~AnyPending() = default;
    };
    struct Interface {
        virtual ~Interface() = default;
        [[nodiscard]] virtual int rank() const = 0;
        [[nodiscard]] virtual int size() const = 0;
        virtual std::unique_ptr<AnyPending> start(const Operation&, std::span<const Send>,
                                                  std::span<const Receive>) = 0;
        virtual void finish(AnyPending&) = 0;
        virtual std::unique_ptr<Interface> split(int color, int key) = 0;
    };

    template <Communicator World>
    struct Model final : Interface {
        struct OwnPending final : AnyPending {
            explicit OwnPending(typename World::Pending own) : pending(std::move(own)) {}
            typename World::Pending pending;
        };
        explicit Model(World own) : world(std::move(own)) {}
        [[nodiscard]] int rank() const override { return world.rank(); }
        [[nodiscard]] int size() const override { return world.size(); }
        std::unique_ptr<AnyPending> start(const Operation& operation, std::span<const Send> sends,
                                          std::span<const Receive> receives) override {
            return std::make_unique<OwnPending>(world.start(operation, sends, receives));
        }
        void finish(AnyPending& pending) override { world.finish(static_cast<OwnPending&>(pending).pending); }
        std::unique_ptr<Interface> split(int color, int key) override {
            return std::make_unique<Model>(world.split(color, key));
        }
        World world;
    };

public:
    using Pending = std::unique_ptr<AnyPending>;

    template <Communicator World>
    explicit AnyCommunicator(World world) : world_(std::make_unique<Model<World>>(std::move(world))) {}

    [[nodiscard]] int rank() const { return world_->rank(); }
    [[nodiscard]] int size() const { return world_->size(); }
    Pending start(const Operation& operation, std::span<const Send> sends, std::span<const Receive> receives) {
        return world_->start(operation, sends, receives);
    }
    void finish(Pending& pending) { world_->finish(*pending); }
    AnyCommunicator split(int color, int key) { return AnyCommunicator(world_->split(color, key)); }

private:
    explicit AnyCommunicator(std::unique_ptr<Interface> world) : world_(std::move(world)) {}

    std::unique_ptr<Interface> world_;
};
static_assert(Communicator<AnyCommunicator>);

}  // namespace lapidary
